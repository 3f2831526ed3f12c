//! Answers that emulators never give, put between the SDK and the server.

use aws_sdk_dynamodb::{
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::{
            AfterDeserializationInterceptorContextRef, BeforeDeserializationInterceptorContextMut,
            BeforeTransmitInterceptorContextMut,
        },
    },
    error::BoxError,
};
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex},
};

#[derive(Debug, Clone, Copy)]
pub enum Answer {
    /// Not written; the transaction is cancelled with this code at the first position.
    Cancelled(&'static str),
    /// Not written; the request is refused with this error.
    Error(&'static str),
    /// Not written; the transaction is cancelled with these codes, position by position.
    Positions(&'static [&'static str]),
    /// Written, and the answer is an internal error.
    Lost,
}

/// Answers for the coming transactions, one each.
#[derive(Debug, Clone, Default)]
pub struct Interference {
    coming: Arc<Mutex<VecDeque<Answer>>>,
    current: Arc<Mutex<Option<Answer>>>,
    transactions: Arc<Mutex<usize>>,
    items_read: Arc<Mutex<u64>>,
}

impl Interference {
    pub fn next(&self, answers: impl IntoIterator<Item = Answer>) {
        self.coming.lock().unwrap().extend(answers);
    }

    pub fn transactions(&self) -> usize {
        *self.transactions.lock().unwrap()
    }

    /// Items that queries, scans and gets looked at so far.
    pub fn items_read(&self) -> u64 {
        *self.items_read.lock().unwrap()
    }
}

impl Intercept for Interference {
    fn name(&self) -> &'static str {
        "Interference"
    }

    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let headers = context.request_mut().headers_mut();
        if !headers.get("x-amz-target").is_some_and(|target| target.ends_with("TransactWriteItems")) {
            return Ok(());
        }
        *self.transactions.lock().unwrap() += 1;
        let answer = self.coming.lock().unwrap().pop_front();
        if matches!(answer, Some(Answer::Cancelled(_) | Answer::Positions(_) | Answer::Error(_))) {
            // The server refuses what it does not know, so nothing is written.
            headers.insert("x-amz-target", "DynamoDB_20120810.Nothing");
        }
        *self.current.lock().unwrap() = answer;
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let Some(answer) = self.current.lock().unwrap().take() else { return Ok(()) };
        let (status, body) = match answer {
            Answer::Cancelled(code) => (
                400_u16,
                format!(
                    r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[{{"Code":"{code}","Message":"injected"}},{{"Code":"None"}}]}}"#
                ),
            ),
            Answer::Positions(codes) => {
                let reason = |code: &&str| format!(r#"{{"Code":"{code}","Message":"injected"}}"#);
                let reasons = codes.iter().map(reason).collect::<Vec<_>>().join(",");
                (
                    400,
                    format!(
                        r#"{{"__type":"com.amazonaws.dynamodb.v20120810#TransactionCanceledException","Message":"cancelled","CancellationReasons":[{reasons}]}}"#
                    ),
                )
            }
            Answer::Error(name) => {
                (400, format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{name}","message":"injected"}}"#))
            }
            Answer::Lost => (
                500,
                r#"{"__type":"com.amazonaws.dynamodb.v20120810#InternalServerError","message":"injected"}"#.to_owned(),
            ),
        };
        let response = context.response_mut();
        *response.status_mut() = status.try_into()?;
        *response.body_mut() = body.into();
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().ok_or("the body of an answer was not kept")?;
        let answer: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        let read = answer["ScannedCount"].as_u64().unwrap_or_else(|| u64::from(answer["Item"].is_object()));
        *self.items_read.lock().unwrap() += read;
        Ok(())
    }
}
