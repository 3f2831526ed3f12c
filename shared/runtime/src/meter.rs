//! Counts what calls of AWS consume, where they are made: the clients carry it, so nobody has to remember to count.
//!
//! Units of DynamoDB are those that its answers tell. It bills refused conditional writes too and does not say how much,
//! so those are missing.

use aws_sdk_dynamodb::{
    config::{ConfigBag, Intercept, RuntimeComponents},
    error::BoxError,
    operation::{
        batch_get_item::{BatchGetItemInput, BatchGetItemOutput},
        batch_write_item::{BatchWriteItemInput, BatchWriteItemOutput},
        delete_item::{DeleteItemInput, DeleteItemOutput},
        get_item::{GetItemInput, GetItemOutput},
        put_item::{PutItemInput, PutItemOutput},
        query::{QueryInput, QueryOutput},
        scan::{ScanInput, ScanOutput},
        transact_get_items::{TransactGetItemsInput, TransactGetItemsOutput},
        transact_write_items::{TransactWriteItemsInput, TransactWriteItemsOutput},
        update_item::{UpdateItemInput, UpdateItemOutput},
    },
    types::{ConsumedCapacity, ReturnConsumedCapacity},
};
use aws_sdk_s3::operation::put_object::PutObjectInput;
use aws_smithy_runtime_api::client::{
    interceptors::context::{
        AfterDeserializationInterceptorContextRef, BeforeSerializationInterceptorContextMut,
        BeforeTransmitInterceptorContextRef, Input, Output,
    },
    orchestrator::Metadata,
};
use domain::{
    METRIC,
    consumption::{CONSUMED, Resource},
};
use event_store::milli;

/// An interceptor of the SDK's clients.
#[derive(Debug, Clone, Copy, Default)]
pub struct Meter;

/// Notes a quantity, in the resource's finest unit, for the run whose work the current span is.
pub fn consumed(resource: Resource, quantity: u64) {
    if quantity > 0 {
        tracing::info!(target: CONSUMED, resource = resource.as_str(), quantity);
    }
}

/// A field that asks for what a call consumed, and the answer's field that says it.
macro_rules! calls {
    ($(($input:ty, $output:ty, $resource:ident)),+ $(,)?) => {
        fn ask_for_units(input: &mut Input) {
            $(if let Some(input) = input.downcast_mut::<$input>() {
                input.return_consumed_capacity.get_or_insert(ReturnConsumedCapacity::Total);
                return;
            })+
        }

        fn units(output: &Output) -> Option<(Resource, u64)> {
            $(if let Some(output) = output.downcast_ref::<$output>() {
                return Some((Resource::$resource, milli(output.consumed_capacity.capacities())));
            })+
            None
        }
    };
}

calls!(
    (PutItemInput, PutItemOutput, DynamodbWriteUnits),
    (UpdateItemInput, UpdateItemOutput, DynamodbWriteUnits),
    (DeleteItemInput, DeleteItemOutput, DynamodbWriteUnits),
    (BatchWriteItemInput, BatchWriteItemOutput, DynamodbWriteUnits),
    (TransactWriteItemsInput, TransactWriteItemsOutput, DynamodbWriteUnits),
    (GetItemInput, GetItemOutput, DynamodbReadUnits),
    (QueryInput, QueryOutput, DynamodbReadUnits),
    (ScanInput, ScanOutput, DynamodbReadUnits),
    (BatchGetItemInput, BatchGetItemOutput, DynamodbReadUnits),
    (TransactGetItemsInput, TransactGetItemsOutput, DynamodbReadUnits),
);

/// One capacity or several, as the answers have them.
trait Capacities {
    fn capacities(&self) -> &[ConsumedCapacity];
}

impl Capacities for Option<ConsumedCapacity> {
    fn capacities(&self) -> &[ConsumedCapacity] {
        self.as_slice()
    }
}

impl Capacities for Option<Vec<ConsumedCapacity>> {
    fn capacities(&self) -> &[ConsumedCapacity] {
        self.as_deref().unwrap_or_default()
    }
}

/// What is billed by the request. Messages of queues are counted where they are received, events of the bus where they are
/// sent: there it is known whose they are.
fn request(service: &str, operation: &str) -> Option<Resource> {
    match (service, operation) {
        ("S3", operation) if operation.starts_with("Get") || operation.starts_with("Head") => Some(Resource::S3Reads),
        ("S3", _) => Some(Resource::S3Writes),
        ("Secrets Manager", _) => Some(Resource::SecretReads),
        _ => None,
    }
}

impl Intercept for Meter {
    fn name(&self) -> &'static str {
        "settler-meter"
    }

    fn modify_before_serialization(
        &self,
        context: &mut BeforeSerializationInterceptorContextMut<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let input = context.input_mut();
        ask_for_units(input);
        if let Some(object) = input.downcast_ref::<PutObjectInput>() {
            let bytes = object.body.bytes().map_or(0, <[u8]>::len);
            consumed(Resource::S3StoredMb, u64::try_from(bytes).unwrap_or(u64::MAX));
        }
        Ok(())
    }

    /// Every try is billed.
    fn read_before_transmit(
        &self,
        _context: &BeforeTransmitInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let call = config.load::<Metadata>().and_then(|call| request(call.service(), call.name()));
        if let Some(resource) = call {
            consumed(resource, 1);
        }
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if let Some((resource, milli)) = context.output_or_error().ok().and_then(units) {
            consumed(resource, milli);
            let units = milli.div_ceil(1_000);
            if resource == Resource::DynamodbWriteUnits {
                tracing::info!(target: METRIC, name = "WriteUnits", value = units, unit = "Count");
            } else {
                tracing::info!(target: METRIC, name = "ReadUnits", value = units, unit = "Count");
            }
        }
        Ok(())
    }
}
