//! One start of a function against a runtime API that never has an event.

use crate::table::memory_kib;
use std::{
    io::{BufRead, BufReader},
    net::{SocketAddr, TcpListener, TcpStream},
    path::Path,
    process::{Child, Command, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::{Duration, Instant},
};

const FIRST_POLL: &str = "GET /2018-06-01/runtime/invocation/next ";
/// A function that has not polled by then will not.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often a silent function is looked at whether it still lives. The time of a poll is taken elsewhere.
const LOOK: Duration = Duration::from_millis(20);

pub struct Start {
    pub took: Duration,
    /// Memory at rest, which is what a function holds while it waits for its first event.
    pub resident_kib: Option<u128>,
}

/// The first request and when it had arrived.
struct Poll {
    at: Instant,
    request: String,
    /// Held open: a function whose poll is cut off would end.
    _connection: TcpStream,
}

pub fn start(binary: &Path, name: &str, settings: &[(String, String)]) -> Result<Start, String> {
    let listener = TcpListener::bind("127.0.0.1:0").map_err(|cause| cause.to_string())?;
    let address = listener.local_addr().map_err(|cause| cause.to_string())?;
    let (tell, polls) = channel();
    let api = thread::spawn(move || {
        // Nobody listens any more when the function was given up.
        let _ = first_request(&listener).map(|poll| tell.send(poll));
    });
    let mut command = command(binary, name, settings, address);
    let started = Instant::now();
    let mut child = command.spawn().map_err(|cause| format!("{}: {cause}", binary.display()))?;
    let polled = wait(&polls, &mut child);
    let resident_kib = memory_kib(&child.id().to_string(), "VmRSS");
    let said = end(child);
    if polled.is_err() {
        // Lets the thread out of `accept`; if it is out already there is nothing to connect to.
        let _ = TcpStream::connect(address);
    }
    let _ = api.join();
    match polled {
        Ok(poll) if poll.request.starts_with(FIRST_POLL) => Ok(Start { took: poll.at - started, resident_kib }),
        Ok(poll) => Err(format!("its first request was `{}`\n{said}", poll.request.trim_end())),
        Err(why) => Err(format!("{why}\n{said}")),
    }
}

/// The environment that Lambda gives, and nothing of this machine's.
fn command(binary: &Path, name: &str, settings: &[(String, String)], address: SocketAddr) -> Command {
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("AWS_LAMBDA_RUNTIME_API", address.to_string())
        .env("AWS_LAMBDA_FUNCTION_NAME", name)
        .env("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        .env("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "512")
        .env("AWS_LAMBDA_LOG_GROUP_NAME", "bench")
        .env("AWS_LAMBDA_LOG_STREAM_NAME", "bench")
        .env("AWS_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", "bench")
        .env("AWS_SECRET_ACCESS_KEY", "bench")
        .env("RUST_LOG", "info")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command.envs(settings.iter().map(|(name, value)| (name, value)));
    command
}

fn first_request(listener: &TcpListener) -> std::io::Result<Poll> {
    let (connection, _) = listener.accept()?;
    let mut request = String::new();
    BufReader::new(&connection).read_line(&mut request)?;
    Ok(Poll { at: Instant::now(), request, _connection: connection })
}

fn wait(polls: &Receiver<Poll>, child: &mut Child) -> Result<Poll, String> {
    let given_up = Instant::now() + PATIENCE;
    loop {
        match polls.recv_timeout(LOOK) {
            Ok(poll) => return Ok(poll),
            Err(RecvTimeoutError::Disconnected) => return Err("the runtime API could not listen".to_owned()),
            Err(RecvTimeoutError::Timeout) => {}
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("it ended ({status}) before it polled"));
        }
        if Instant::now() > given_up {
            return Err(format!("it did not poll within {} s", PATIENCE.as_secs()));
        }
    }
}

/// Ends the function and returns what it wrote.
fn end(mut child: Child) -> String {
    // It may have ended by itself, and then `wait_with_output` says all there is to know.
    let _ = child.kill();
    match child.wait_with_output() {
        Ok(output) => {
            format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
        }
        Err(cause) => format!("(its output could not be read: {cause})"),
    }
}
