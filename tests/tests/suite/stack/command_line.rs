//! The real `settler` binary against the real stack.

use super::client::{Stack, unique};
use serde_json::Value;
use std::{path::PathBuf, process::Command};

pub struct Run {
    pub code: i32,
    pub out: String,
    pub err: String,
}

pub fn settler(stack: &Stack, key: &str, arguments: &[&str]) -> Run {
    // The suite's own binary lies in the profile's `deps`, the command line one folder up.
    let binary: PathBuf = std::env::current_exe().unwrap().parent().unwrap().parent().unwrap().join("settler");
    let output = Command::new(&binary)
        .args(arguments)
        .env("SETTLER_API_URL", stack.text("api_url"))
        .env("SETTLER_API_KEY", key)
        .output()
        .unwrap_or_else(|cause| panic!("{}: {cause}", binary.display()));
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    Run { code: output.status.code().unwrap(), out: text(output.stdout), err: text(output.stderr) }
}

#[tokio::test]
async fn a_run_from_the_command_line() {
    let stack = Stack::up();
    let shop = stack.shop(0, "typical", 120, 81).await;
    let key = stack.key(0);
    let id = unique("cli");
    let start = [
        "reconciliation",
        "start",
        "--job",
        &shop.job_id,
        "--from",
        "2026-01-01",
        "--to",
        "2026-01-31",
        "--id",
        &id,
        "--wait",
        "-o",
        "json",
    ];
    let started = settler(&stack, key, &start);
    assert_eq!(started.code, 0, "{}{}", started.out, started.err);
    let shown = settler(&stack, key, &["reconciliation", "show", &id, "-o", "json"]);
    let summary: Value = serde_json::from_str(&shown.out).unwrap();
    assert_eq!(summary["status"], "completed");
    let table = settler(&stack, key, &["reconciliation", "show", &id]);
    assert!(table.out.contains("completed") && table.out.contains("USD"), "{}", table.out);
    let unmatched = settler(&stack, key, &["reconciliation", "unmatched", &id, "--all", "-o", "jsonl"]);
    let over_http = stack.list(0, &id, "unmatched").await;
    assert_eq!(unmatched.out.lines().count(), over_http.len());
    assert!(!(started.out + &started.err + &table.out + &table.err).contains(key), "a key was printed");
}

#[tokio::test]
async fn exit_codes_say_what_happened() {
    let stack = Stack::up();
    let key = stack.key(0);
    assert_eq!(settler(&stack, key, &["reconciliation", "show", "recon_nope"]).code, 3);
    assert_eq!(settler(&stack, "sk_wrong", &["reconciliation", "list"]).code, 6);
    assert_eq!(
        settler(
            &stack,
            key,
            &["reconciliation", "start", "--job", "job_x", "--from", "2026-02-01", "--to", "2026-01-01"]
        )
        .code,
        4
    );
    assert_eq!(settler(&stack, key, &["reconciliation", "sideways"]).code, 2);
}
