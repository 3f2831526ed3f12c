//! Lambda authorizer of the HTTP API: a bearer key becomes a tenant and scopes.

mod handler;
mod keys;

use domain::{Clock, ErrorName};
use lambda_runtime::{Error, LambdaEvent};
use runtime::{Settings, SystemClock, aws, dynamodb, function_error, start_logs};
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    start_logs();
    let [table] = Settings::from_env().require(["API_KEYS_TABLE"])?;
    let keys = keys::DynamoKeys::new(dynamodb(&aws().await), table);
    runtime::serve(async |event: LambdaEvent<Value>| {
        let answer = handler::authorize(&event.payload, &keys, SystemClock.now()).await;
        answer.map_err(|error| function_error(ErrorName::Transient, error.to_string()))
    })
    .await
}
