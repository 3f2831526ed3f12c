//! The functions' processes, as the emulator runs them, found by the environment that it gives them. They can be
//! stopped, let run for a moment, and killed, so that a step can be caught in its middle.

use super::client::Stack;
use domain::saga::Step;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

/// All processes of one function of one stack.
pub struct Function {
    /// How the environment names it, up to what the deployment adds to its logical id.
    name: String,
    /// Of the emulator: other stacks may run on this machine.
    endpoint: String,
}

impl Function {
    pub fn of(stack: &Stack, logical_id: &str) -> Self {
        let api = stack.text("api_url");
        let port = api.rsplit(':').next().and_then(|rest| rest.split('/').next()).expect("an address with a port");
        let name = format!("AWS_LAMBDA_FUNCTION_NAME=settler-{logical_id}-");
        Self { name, endpoint: format!("AWS_ENDPOINT_URL=http://127.0.0.1:{port}") }
    }

    pub fn of_step(stack: &Stack, step: Step) -> Self {
        let name = match step {
            Step::FetchShopifyOrders | Step::FetchStripePayments => "StepFetchRecords",
            Step::PerformMatching => "StepMatchRecords",
            Step::PersistResults => "StepPersistResults",
            Step::Finish => "StepFinish",
            Step::NotifyWebhooks => "StepNotifyWebhooks",
        };
        Self::of(stack, name)
    }

    fn processes(&self) -> Vec<Pid> {
        let is_meant = |pid: &i32| {
            // A process that ends meanwhile has no environment any more, and is none of ours then.
            let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
            let mut variables = environment.split(|byte| *byte == 0);
            let named = variables.clone().any(|variable| variable.starts_with(self.name.as_bytes()));
            named && variables.any(|variable| variable == self.endpoint.as_bytes())
        };
        let all = fs::read_dir("/proc").expect("the processes of this machine");
        let all = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok()).filter(is_meant);
        all.filter_map(Pid::from_raw).collect()
    }

    /// Holds its processes, of which there must be some; what is asked of them waits.
    pub fn freeze(&self) -> Frozen {
        let processes = self.processes();
        assert!(!processes.is_empty(), "no process of {} runs", self.name);
        signal(&processes, Signal::STOP);
        Frozen { processes }
    }

    /// Ends whatever comes up of it, until what is given back goes out of scope.
    pub fn keep_killing(self) -> Killer {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        // A thread of its own: a step needs only a few milliseconds.
        let thread = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                signal(&self.processes(), Signal::KILL);
                thread::sleep(Duration::from_millis(1));
            }
        });
        Killer { stop, thread: Some(thread) }
    }
}

pub struct Killer {
    stop: Arc<AtomicBool>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Drop for Killer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("the killer ends");
        }
    }
}

fn signal(processes: &[Pid], signal: Signal) {
    for process in processes {
        // One of them may have ended by itself, which is as well.
        let _gone = kill_process(*process, signal);
    }
}

/// Lets the processes go on when it goes out of scope.
pub struct Frozen {
    processes: Vec<Pid>,
}

impl Frozen {
    /// Lets them work for a moment.
    pub async fn step(&self, moment: Duration) {
        signal(&self.processes, Signal::CONT);
        tokio::time::sleep(moment).await;
        signal(&self.processes, Signal::STOP);
    }

    /// Ends them where they stand.
    pub fn kill(self) {
        signal(&self.processes, Signal::KILL);
    }
}

impl Drop for Frozen {
    fn drop(&mut self) {
        signal(&self.processes, Signal::CONT);
    }
}
