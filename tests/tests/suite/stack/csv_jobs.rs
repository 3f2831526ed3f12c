//! Any two files as a job: uploaded by signed address, mapped, and run through the whole saga.

use super::client::{Answer, Stack, january, unique};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

const SOLD: &str = "Nr;Datum;Betrag;Beleg\n\
    s1;03.01.2026;1.012,30;r8aaaaaaaaaaaaaaaaaaaaaa\n\
    s2;04.01.2026;7,00;r8bbbbbbbbbbbbbbbbbbbbbb\n\
    s3;05.01.2026;99,00;r8cccccccccccccccccccccc\n";
const PAID: &str = "id,date,amount,currency,reference\n\
    t2,2026-01-04T10:00:05Z,7.00,EUR,r8bbbbbbbbbbbbbbbbbbbbbb\n\
    t1,2026-01-03T10:00:05Z,1012.30,EUR,r8aaaaaaaaaaaaaaaaaaaaaa\n\
    t9,2026-02-20T10:00:00Z,3.33,EUR,\n";

fn german() -> Value {
    json!({ "id": "Nr", "date": "Datum", "format": "dmy", "amount": "Betrag", "currency_code": "EUR", "refs": ["Beleg"] })
}

async fn upload(stack: &Stack, tenant: usize, file: &str) -> String {
    let answer = stack.call(Method::POST, "/v1/uploads", stack.key(tenant), Some(json!({}))).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    let sent = reqwest::Client::new().put(answer.text("url")).body(file.to_owned()).send().await.unwrap();
    assert!(sent.status().is_success(), "{}", sent.status());
    answer.text("upload_id")
}

async fn connect(stack: &Stack, tenant: usize, id: &str, upload_id: &str, mapping: Value) -> Answer {
    let body = json!({ "adapter": "csv", "credentials": { "upload_id": upload_id, "mapping": mapping } });
    stack.call(Method::PUT, &format!("/v1/connections/{id}"), stack.key(tenant), Some(body)).await
}

/// A job over two files.
async fn job(stack: &Stack, sold: &str, paid: &str) -> String {
    let tag = unique("csv");
    let (source, target) = (format!("sold-{tag}"), format!("paid-{tag}"));
    let sold = upload(stack, 0, sold).await;
    let paid = upload(stack, 0, paid).await;
    for (id, upload_id, mapping) in [(&source, sold, german()), (&target, paid, json!({}))] {
        let answer = connect(stack, 0, id, &upload_id, mapping).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    }
    let body = json!({
        "name": tag,
        "source": { "adapter": "csv", "connection": source },
        "target": { "adapter": "csv", "connection": target },
    });
    let answer = stack.call(Method::POST, "/v1/jobs", stack.key(0), Some(body)).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.body);
    answer.text("job_id")
}

#[tokio::test]
async fn two_files_are_reconciled_end_to_end() {
    let stack = Stack::up();
    let job_id = job(&stack, SOLD, PAID).await;
    let started = stack.start(0, january(&job_id)).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.body);
    let id = started.text("reconciliation_id");
    let run = stack.ended(0, &id).await;
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!((&run["source_adapter"], &run["total_source_records"]), (&json!("csv"), &json!(3)));
    // February's row lies outside of the range and its pad.
    assert_eq!(run["total_target_records"], 2);
    let mut pairs: Vec<Value> = stack
        .list(0, &id, "matches")
        .await
        .into_iter()
        .map(|found| json!([found["source_ids"], found["target_ids"], found["amount_minor"]]))
        .collect();
    pairs.sort_by_key(Value::to_string);
    assert_eq!(pairs, [json!([["s1"], ["t1"], 101_230]), json!([["s2"], ["t2"], 700])]);
    let open = stack.list(0, &id, "unmatched").await;
    assert_eq!((open.len(), &open[0]["record_id"]), (1, &json!("s3")));
}

#[tokio::test]
async fn a_row_that_cannot_be_read_fails_the_run_and_names_its_line() {
    let stack = Stack::up();
    let job_id = job(&stack, &format!("{SOLD}s4;morgen;1,00;\n"), PAID).await;
    let started = stack.start(0, january(&job_id)).await;
    let run = stack.ended(0, &started.text("reconciliation_id")).await;
    assert_eq!(run["status"], "failed", "{run}");
    let message = run["failure"]["message"].as_str().unwrap();
    assert!(message.contains("line 5, column `Datum`: `morgen` is no date"), "{message}");
}

#[tokio::test]
async fn a_wrong_mapping_or_anothers_file_makes_no_connection() {
    let stack = Stack::up();
    let upload_id = upload(&stack, 0, SOLD).await;
    let wrong = |answer: &Answer| -> Vec<(String, String)> {
        let errors = answer.body["errors"].as_array().unwrap_or_else(|| panic!("{}", answer.body));
        let text = |error: &Value, name: &str| error[name].as_str().unwrap().to_owned();
        errors.iter().map(|error| (text(error, "pointer"), text(error, "code"))).collect()
    };
    let id = unique("csv");
    let answer = connect(&stack, 0, &id, &upload_id, json!({})).await;
    assert_eq!(answer.status, StatusCode::UNPROCESSABLE_ENTITY, "{}", answer.body);
    assert!(wrong(&answer).iter().all(|error| *error == ("/credentials/mapping".into(), "missing_column".into())));
    assert!(answer.body.to_string().contains("the file has `Nr`, `Datum`, `Betrag`, `Beleg`"), "{}", answer.body);
    let answer = connect(&stack, 1, &id, &upload_id, german()).await;
    assert_eq!(wrong(&answer), [("/credentials/upload_id".into(), "not_found".into())], "another tenant's file");
    let answer = connect(&stack, 0, &id, "upl_nothing", german()).await;
    assert_eq!(wrong(&answer), [("/credentials/upload_id".into(), "not_found".into())]);
}
