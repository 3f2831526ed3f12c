//! What a run consumes of AWS, and what that costs at public prices.
//!
//! Functions keep what each of their invocations consumed; nothing is estimated from counts of records. Quantities are
//! integers of a resource's finest unit, amounts are billionths of a dollar.

use crate::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Target of tracing events that say what was consumed: `resource`, and `quantity` in its finest unit.
pub const CONSUMED: &str = "settler::consumed";

/// Where and when the prices of [`Resource::micro_usd_per_million`] were public: on demand, without free tiers.
pub const PRICES_OF: &str = "us-east-1, on demand, November 2025";
/// Of one secret for a month, whether it is read or not.
pub const SECRET_NANO_USD_A_MONTH: u64 = 400_000_000;

/// What AWS bills for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// Finest unit: thousandths.
    DynamodbWriteUnits,
    /// Finest unit: thousandths.
    DynamodbReadUnits,
    LambdaRequests,
    /// Finest unit: MB times milliseconds.
    LambdaGbSeconds,
    /// Of a standard workflow: every state that is entered, retries too.
    StateTransitions,
    ApiRequests,
    S3Writes,
    S3Reads,
    /// Stored for one month. Finest unit: bytes.
    S3StoredMb,
    /// A message is three: sent, received, deleted.
    SqsRequests,
    BusEvents,
    SecretReads,
    /// Finest unit: bytes.
    LogMb,
}

impl Resource {
    pub const ALL: [Self; 13] = [
        Self::DynamodbWriteUnits,
        Self::DynamodbReadUnits,
        Self::LambdaRequests,
        Self::LambdaGbSeconds,
        Self::StateTransitions,
        Self::ApiRequests,
        Self::S3Writes,
        Self::S3Reads,
        Self::S3StoredMb,
        Self::SqsRequests,
        Self::BusEvents,
        Self::SecretReads,
        Self::LogMb,
    ];

    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DynamodbWriteUnits => "dynamodb_write_units",
            Self::DynamodbReadUnits => "dynamodb_read_units",
            Self::LambdaRequests => "lambda_requests",
            Self::LambdaGbSeconds => "lambda_gb_seconds",
            Self::StateTransitions => "state_transitions",
            Self::ApiRequests => "api_requests",
            Self::S3Writes => "s3_writes",
            Self::S3Reads => "s3_reads",
            Self::S3StoredMb => "s3_stored_mb",
            Self::SqsRequests => "sqs_requests",
            Self::BusEvents => "bus_events",
            Self::SecretReads => "secret_reads",
            Self::LogMb => "log_mb",
        }
    }

    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|resource| resource.as_str() == name)
    }

    /// Finest units in one of what is billed.
    const fn scale(self) -> u64 {
        match self {
            Self::DynamodbWriteUnits | Self::DynamodbReadUnits => 1_000,
            Self::LambdaGbSeconds => 1_024 * 1_000,
            Self::S3StoredMb | Self::LogMb => 1_048_576,
            _ => 1,
        }
    }

    /// Price of a million of what is billed, in millionths of a dollar.
    #[must_use]
    pub const fn micro_usd_per_million(self) -> u64 {
        match self {
            Self::DynamodbWriteUnits => 625_000,
            Self::DynamodbReadUnits => 125_000,
            Self::LambdaRequests => 200_000,
            Self::LambdaGbSeconds if cfg!(target_arch = "aarch64") => 13_333_400,
            Self::LambdaGbSeconds => 16_666_700,
            Self::StateTransitions => 25_000_000,
            Self::ApiRequests | Self::BusEvents => 1_000_000,
            Self::S3Writes | Self::SecretReads => 5_000_000,
            Self::S3Reads | Self::SqsRequests => 400_000,
            // 0.023 dollars a GB of 1,024 MB.
            Self::S3StoredMb => 22_460_938,
            // 0.50 dollars a GB.
            Self::LogMb => 488_281_250,
        }
    }
}

/// Quantities in finest units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Quantities(pub BTreeMap<Resource, u64>);

impl Quantities {
    pub fn add(&mut self, resource: Resource, quantity: u64) {
        let sum = self.0.entry(resource).or_default();
        *sum = sum.saturating_add(quantity);
    }

    pub fn add_all(&mut self, other: &Self) {
        for (resource, quantity) in &other.0 {
            self.add(*resource, *quantity);
        }
    }
}

/// What one invocation of a function consumed for one run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consumption {
    pub function_name: String,
    /// The invocation's id: kept twice, it is once.
    pub request_id: String,
    pub at: Timestamp,
    pub quantities: Quantities,
}

/// One resource of a [`Cost`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CostLine {
    pub resource: Resource,
    /// In thousandths of the unit that the resource's name says.
    pub quantity_milli: u64,
    /// Price of a million units, in millionths of a dollar.
    pub price_micro_usd_per_million: u64,
    /// In billionths of a dollar.
    pub amount_nano_usd: u64,
}

/// What a run has cost so far.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// Sum of the lines.
    pub total_nano_usd: u64,
    /// Region, terms and date of the prices.
    pub prices: String,
    pub lines: Vec<CostLine>,
    /// Invocations that the lines sum up.
    pub invocations: u64,
    /// False while something is missing: the run has not ended, or the engine has forgotten an execution of it.
    pub complete: bool,
    /// Secrets that the tenant's jobs name.
    pub tenant_secrets: u64,
    /// What those cost each month, with or without runs.
    pub tenant_monthly_nano_usd: u64,
}

impl Cost {
    /// At the prices of [`PRICES_OF`], rounded half up per line.
    #[must_use]
    pub fn of(consumed: &[Consumption], transitions: u64, tenant_secrets: u64, complete: bool) -> Self {
        let mut all = Quantities::default();
        for invocation in consumed {
            all.add_all(&invocation.quantities);
        }
        all.add(Resource::StateTransitions, transitions);
        let lines: Vec<CostLine> = all.0.iter().filter(|(_, quantity)| **quantity > 0).map(line).collect();
        Self {
            total_nano_usd: lines.iter().fold(0, |sum, line| sum.saturating_add(line.amount_nano_usd)),
            prices: PRICES_OF.to_owned(),
            lines,
            invocations: u64::try_from(consumed.len()).unwrap_or(u64::MAX),
            complete,
            tenant_secrets,
            tenant_monthly_nano_usd: tenant_secrets.saturating_mul(SECRET_NANO_USD_A_MONTH),
        }
    }
}

fn line((resource, quantity): (&Resource, &u64)) -> CostLine {
    let (quantity, scale) = (u128::from(*quantity), u128::from(resource.scale()));
    let price = resource.micro_usd_per_million();
    // Millionths of a dollar for a million are 10^-12 dollars for one.
    let nano = rounded(quantity * u128::from(price), scale * 1_000);
    CostLine {
        resource: *resource,
        quantity_milli: rounded(quantity * 1_000, scale),
        price_micro_usd_per_million: price,
        amount_nano_usd: nano,
    }
}

/// Half up; what does not fit is the largest number.
fn rounded(dividend: u128, divisor: u128) -> u64 {
    u64::try_from((dividend + divisor / 2).checked_div(divisor).unwrap_or(u128::MAX)).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn invocation(id: &str, quantities: &[(Resource, u64)]) -> Consumption {
        Consumption {
            function_name: "step-finish".into(),
            request_id: id.into(),
            at: Timestamp::from_millis(0),
            quantities: Quantities(quantities.iter().copied().collect()),
        }
    }

    #[test]
    fn what_was_consumed_is_priced_and_adds_up() {
        let consumed = [
            invocation("a", &[(Resource::DynamodbWriteUnits, 1_500_000), (Resource::LambdaRequests, 1)]),
            invocation("b", &[(Resource::DynamodbWriteUnits, 500_000), (Resource::S3StoredMb, 3 * 1_048_576)]),
        ];
        let cost = Cost::of(&consumed, 40, 2, true);
        let told = |resource: Resource| {
            let line = cost.lines.iter().find(|line| line.resource == resource).unwrap();
            (line.quantity_milli, line.amount_nano_usd)
        };
        // 2,000 units at 0.625 dollars a million are 0.00125 dollars.
        assert_eq!(told(Resource::DynamodbWriteUnits), (2_000_000, 1_250_000));
        assert_eq!(told(Resource::LambdaRequests), (1_000, 200));
        // 40 transitions at 25 dollars a million are 0.001 dollars.
        assert_eq!(told(Resource::StateTransitions), (40_000, 1_000_000));
        assert_eq!(told(Resource::S3StoredMb), (3_000, 67_383));
        assert_eq!(cost.total_nano_usd, cost.lines.iter().map(|line| line.amount_nano_usd).sum::<u64>());
        assert_eq!((cost.invocations, cost.tenant_secrets, cost.tenant_monthly_nano_usd), (2, 2, 800_000_000));
    }

    #[test]
    fn a_gb_second_is_1024_mb_for_1000_ms() {
        let cost = Cost::of(&[invocation("a", &[(Resource::LambdaGbSeconds, 512 * 4_000)])], 0, 0, true);
        assert_eq!(cost.lines[0].quantity_milli, 2_000);
        assert_eq!(cost.lines[0].amount_nano_usd, Resource::LambdaGbSeconds.micro_usd_per_million() * 2 / 1_000);
    }

    #[test]
    fn no_quantity_is_too_large_and_names_are_read_as_they_are_written() {
        let cost = Cost::of(&[invocation("a", &[(Resource::StateTransitions, u64::MAX)])], 1, u64::MAX, false);
        assert_eq!((cost.lines[0].quantity_milli, cost.lines[0].amount_nano_usd), (u64::MAX, u64::MAX));
        for resource in Resource::ALL {
            assert_eq!(Resource::parse(resource.as_str()), Some(resource));
            assert_eq!(serde_json::to_value(resource).unwrap(), resource.as_str());
        }
    }
}
