//! The report as people get it.

use crate::world::{CALLS, World, input};
use domain::ports::Blobs;
use saga::report_key;
use serde_json::Value;

async fn report(format: &str) -> String {
    let world = World::after(&CALLS).await;
    String::from_utf8(world.blobs.get(&report_key(&input(), format)).await.unwrap()).unwrap()
}

/// Everything but the explanations, which are the engine's.
const CSV: &str = r#"class,side,source_ids,target_ids,order_names,amount_minor,amount,currency,difference_minor,rule,confidence,reason
matched,both,gid://shopify/OrderTransaction/1,ch_1AbCdEfGhIjKlMn,#1001,1000,10.00,USD,0,strong_id@1,1.0000,
unmatched,source,gid://shopify/OrderTransaction/2,,"'=HYPERLINK(""http://evil"",""pay"")",2500,25.00,USD,,,,missing_target
unmatched,target,,ch_9AbCdEfGhIjKlMn,,7777,77.77,USD,,,,missing_source
excluded,source,gid://shopify/OrderTransaction/3,,#1003,400,4.00,USD,,,,gateway_out_of_scope
"#;

#[tokio::test]
async fn as_csv() {
    let text = report("csv").await;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).from_reader(text.as_bytes());
    let rows: Vec<csv::StringRecord> = reader.records().collect::<Result<_, _>>().unwrap();
    let mut writer = csv::Writer::from_writer(Vec::new());
    for row in &rows {
        writer.write_record(row.iter().take(12)).unwrap();
    }
    assert_eq!(String::from_utf8(writer.into_inner().unwrap()).unwrap(), CSV);
    let explanations: Vec<&str> = rows.iter().map(|row| &row[12]).collect();
    assert_eq!(explanations[0], "explanation");
    assert!(explanations[2].contains("25.00 USD") && explanations[3].contains("77.77 USD"), "{explanations:?}");
    assert_eq!((explanations[1], explanations[4]), ("", ""));
}

#[tokio::test]
async fn as_json_lines() {
    let text = report("jsonl").await;
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let classes: Vec<&str> = lines.iter().map(|line| line["class"].as_str().unwrap()).collect();
    assert_eq!(classes, ["matched", "exception", "exception", "excluded", "order", "order", "order"]);
    let found: domain::matches::Match = serde_json::from_value(lines[0]["match"].clone()).unwrap();
    assert_eq!(lines[0]["match_id"], found.id());
    assert_eq!(lines[3]["exclusion"]["record_id"], "gid://shopify/OrderTransaction/3");
}
