//! A Settler API for tests: answers from a script, remembers what it was asked, and drives the real binary against it.

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Request, State},
    http::{HeaderMap, Response},
};
use serde_json::{Value, json};
use std::{
    collections::BTreeMap,
    io::Write,
    process::{Command, Stdio},
    sync::{Arc, Mutex, MutexGuard},
};

pub const KEY: &str = "sk_test_verysecret";

#[derive(Debug, Clone)]
pub struct Call {
    /// `GET /v1/jobs?limit=50`
    pub line: String,
    pub headers: HeaderMap,
    pub body: Value,
}

impl Call {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

#[derive(Debug, Clone)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    pub fn json(status: u16, body: &Value) -> Self {
        Self::text(status, &body.to_string())
    }

    pub fn text(status: u16, body: &str) -> Self {
        Self { status, headers: Vec::new(), body: body.to_owned() }
    }

    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }
}

#[derive(Default)]
struct Script {
    /// Replies per `METHOD /path` or `METHOD /path?query`, in order; the last one stays.
    replies: BTreeMap<String, Vec<Reply>>,
    calls: Vec<Call>,
}

pub struct Fake {
    pub url: String,
    script: Arc<Mutex<Script>>,
    _runtime: tokio::runtime::Runtime,
}

/// What the command did.
#[derive(Debug)]
pub struct Run {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

fn lock(script: &Mutex<Script>) -> MutexGuard<'_, Script> {
    script.lock().unwrap()
}

async fn answer(State(script): State<Arc<Mutex<Script>>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let bytes: Bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let line = format!("{} {}", parts.method, parts.uri);
    let mut script = lock(&script);
    script.calls.push(Call {
        line: line.clone(),
        headers: parts.headers,
        body: serde_json::from_slice(&bytes).unwrap_or(Value::Null),
    });
    let path = line.split('?').next().unwrap().to_owned();
    let known = [line, path].into_iter().find(|key| script.replies.contains_key(key));
    let reply = match known.and_then(|key| script.replies.get_mut(&key)) {
        Some(replies) if replies.len() > 1 => replies.remove(0),
        Some(replies) => replies[0].clone(),
        None => Reply::json(
            404,
            &json!({"title": "Not found", "detail": "there is nothing here", "code": "not_found", "request_id": "r-404"}),
        ),
    };
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(reply.body)).unwrap()
}

impl Fake {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let listener = runtime.block_on(tokio::net::TcpListener::bind("127.0.0.1:0")).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(answer).with_state(script.clone());
        runtime.spawn(async move { axum::serve(listener, router).await });
        Self { url, script, _runtime: runtime }
    }

    pub fn on(&self, call: &str, reply: Reply) -> &Self {
        lock(&self.script).replies.entry(call.to_owned()).or_default().push(reply);
        self
    }

    pub fn ok(&self, call: &str, body: &Value) -> &Self {
        self.on(call, Reply::json(200, body))
    }

    pub fn calls(&self) -> Vec<Call> {
        lock(&self.script).calls.clone()
    }

    pub fn lines(&self) -> Vec<String> {
        self.calls().into_iter().map(|call| call.line).collect()
    }

    /// Runs `settler` as a user with a key would, and checks that the key stays inside.
    pub fn settler(&self, line: &str) -> Run {
        self.run(&words(line), "")
    }

    pub fn run(&self, args: &[String], stdin: &str) -> Run {
        settler(args, &[("SETTLER_API_URL", &self.url), ("SETTLER_API_KEY", KEY)], stdin)
    }
}

/// Words separated by spaces; `'…'` keeps them together.
pub fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (index, part) in line.split('\'').enumerate() {
        if index % 2 == 1 {
            words.push(part.to_owned());
        } else {
            words.extend(part.split_whitespace().map(ToOwned::to_owned));
        }
    }
    words
}

/// Runs the binary with this environment and no other.
pub fn settler(args: &[String], env: &[(&str, &str)], stdin: &str) -> Run {
    let mut command = Command::new(env!("CARGO_BIN_EXE_settler"));
    command.args(args).env_clear().envs(env.iter().copied());
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that reads no stdin may have closed it.
    let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run = Run { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) };
    for secret in [KEY, "shpat_secret", "sk_live_secret", "X-Amz-Signature"] {
        assert!(!run.stdout.contains(secret) && !run.stderr.contains(secret), "a secret was printed: {run:?}");
    }
    run
}
