use crate::fake::{Fake, Reply};
use serde_json::json;
use std::fs;

const FILE: &str = "id;Datum;Betrag\n1;31.01.2026;12,50\n2;31.01.2026;-3\n";

fn given(text: &str) -> (tempfile::TempDir, String) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("bank.csv");
    fs::write(&file, text).unwrap();
    let path = file.display().to_string();
    (folder, path)
}

fn service() -> Fake {
    let fake = Fake::start();
    let address = format!("{}/bucket/uploads/acme/upl_1?X-Amz-Signature=secret", fake.url);
    fake.on(
        "POST /v1/uploads",
        Reply::json(201, &json!({"upload_id": "upl_1", "url": address, "expires_at": "2026-03-01T00:15:00.000Z", "max_bytes": 1_000})),
    )
    .on("PUT /bucket/uploads/acme/upl_1", Reply::text(200, ""))
    .ok("PUT /v1/connections/bank", &json!({"connection_id": "bank", "adapter": "csv", "version": 1}));
    fake
}

#[test]
fn a_file_is_checked_sent_and_made_a_connection() {
    let fake = service();
    let (_folder, file) = given(FILE);
    let run = fake.settler(&format!(
        "upload {file} --map amount=Betrag --map date=Datum --map currency_code=EUR --connection bank"
    ));
    assert_eq!(run.code, 0, "{run:?}");
    assert!(run.stderr.contains("semicolon-separated, decimal comma, dates day-month-year, 2 rows"), "{}", run.stderr);
    assert_eq!(run.stdout, "upload      upl_1\nrows        2\nbytes       51\nconnection  bank\n");
    let calls = fake.calls();
    assert!(calls[1].line.starts_with("PUT /bucket/") && calls[1].header("authorization").is_none());
    assert_eq!(
        calls[2].body,
        json!({"adapter": "csv", "credentials": {"upload_id": "upl_1", "mapping": {"amount": "Betrag", "date": "Datum", "currency_code": "EUR"}}})
    );
}

#[test]
fn a_file_that_a_run_could_not_read_is_not_sent() {
    let fake = service();
    let (_folder, file) = given(FILE);
    let run = fake.settler(&format!("upload {file}"));
    assert_eq!(run.code, 2, "{run:?}");
    assert!(run.stderr.contains(&format!("{file}: line 1, column `amount`: is missing")), "{}", run.stderr);
    let (_folder, file) = given("id,date,amount,currency\n1,2026-01-31,x,EUR\n");
    let run = fake.settler(&format!("upload {file}"));
    assert_eq!(run.code, 4, "{run:?}");
    assert!(run.stderr.contains("line 2, column `amount`: `x` is no amount"), "{}", run.stderr);
    assert!(fake.calls().is_empty());
}

#[test]
fn a_file_that_is_too_large_and_an_address_that_expired_are_told() {
    let rows: String = (0..100).map(|n| format!("{n},2026-01-31,1,EUR\n")).collect();
    let (_folder, file) = given(&format!("id,date,amount,currency\n{rows}"));
    let run = service().settler(&format!("upload {file}"));
    assert_eq!((run.code, run.stderr.contains("at most 1,000")), (2, true), "{run:?}");
    let fake = Fake::start();
    let address = format!("{}/gone?X-Amz-Signature=secret", fake.url);
    fake.on("POST /v1/uploads", Reply::json(201, &json!({"upload_id": "u", "url": address, "max_bytes": 100_000})));
    fake.on("PUT /gone", Reply::text(403, "expired"));
    let run = fake.settler(&format!("upload {file}"));
    assert_eq!((run.code, run.stderr.contains("may have expired")), (1, true), "{run:?}");
}
