//! Every body that goes in or out, field by field. Requests are read by these tables; answers are held against them by
//! the functions' tests.

use crate::shape::{
    Field,
    Kind::{self, Any, Boolean, Date, Free, Id, Instant, Integer, List, Number, Object, OneOf, Text, Zone},
    Shape, optional, required,
};

const MAX_NAME_LENGTH: usize = 200;
const MAX_REASON_LENGTH: usize = 500;
/// Texts of ours and of providers, such as ids, explanations and messages.
const TEXT: Kind = Text(4_000);
const ADAPTERS: Kind = OneOf(&["shopify", "stripe", "csv"]);
pub const STATUSES: &[&str] = &["running", "paused", "compensating", "stuck", "completed", "failed", "cancelled"];
const RUN_STATUS: Kind = OneOf(STATUSES);
const SIDES: Kind = OneOf(&["source", "target"]);

pub const DATE_RANGE: Shape = Shape {
    name: "DateRange",
    about: "Whole days in the job's time zone, both included; at most 366.",
    fields: &[required("start", Date, ""), required("end", Date, "")],
};

const TENANT: crate::shape::Field = optional("tenant_id", Id, "The key's own tenant; any other is refused.");

pub const START: Shape = Shape {
    name: "StartReconciliation",
    about: "",
    fields: &[
        optional("reconciliation_id", Id, "Chosen by the client to make the start repeatable; generated when absent."),
        required("job_id", Id, ""),
        optional("source_adapter", ADAPTERS, "Must be the job's."),
        optional("target_adapter", ADAPTERS, "Must be the job's."),
        required("date_range", Object(&DATE_RANGE), ""),
        optional("correlation_id", Id, "Follows the run through every event; generated when absent."),
        TENANT,
    ],
};

pub const STARTED: Shape = Shape {
    name: "Started",
    about: "",
    fields: &[
        required("reconciliation_id", Id, ""),
        required("correlation_id", Id, ""),
        required("status", RUN_STATUS, ""),
        required("attempt", Integer, "From 1."),
        required("version", Integer, "Of the run's event stream; for ?min_version=."),
    ],
};

const REASON: crate::shape::Field = optional("reason", Text(MAX_REASON_LENGTH), "For the audit trail.");

pub const RETRY: Shape = Shape {
    name: "RetryReconciliation",
    about: "A further attempt of a run that failed or was cancelled.",
    fields: &[
        optional(
            "from_step",
            STEPS,
            "Step to begin with; what comes before it is used again. The latest possible when absent. A step after \
             perform_matching begins with perform_matching, because what it builds on was undone.",
        ),
        TENANT,
    ],
};

pub const CANCEL_RUN: Shape = Shape { name: "CancelReconciliation", about: "", fields: &[REASON, TENANT] };
pub const PAUSE: Shape = Shape { name: "PauseReconciliation", about: "", fields: &[REASON, TENANT] };
pub const RESUME: Shape = Shape { name: "ResumeReconciliation", about: "", fields: &[TENANT] };
pub const KILL: Shape = Shape { name: "KillSaga", about: "", fields: &[REASON, TENANT] };

pub const SKIP_UNDO: Shape = Shape {
    name: "SkipUndo",
    about: "Undoing goes on without this step; the operator answers for what it left.",
    fields: &[
        optional("step", STEPS, "The step that is stuck when absent."),
        required("reason", Text(MAX_REASON_LENGTH), "For the audit trail."),
        TENANT,
    ],
};

pub const STEERED: Shape = Shape {
    name: "Steered",
    about: "",
    fields: &[
        required("reconciliation_id", Id, ""),
        required("correlation_id", Id, ""),
        required("status", RUN_STATUS, ""),
        required("attempt", Integer, "From 1."),
        optional("from_step", STEPS, "What this attempt began with; null for the first."),
        required("version", Integer, "Of the run's event stream; for ?min_version=."),
        optional("left", List(&STEPS), "After a kill: steps whose results are still there, newest first."),
    ],
};

pub const PUT_CONNECTION: Shape = Shape {
    name: "PutConnection",
    about: "",
    fields: &[
        required("adapter", ADAPTERS, ""),
        required(
            "credentials",
            Free,
            "shopify: {shop, access_token}; stripe: {api_key}; csv: {upload_id, mapping?}. Kept in the secret store and never shown.",
        ),
        TENANT,
    ],
};

pub const CREATE_UPLOAD: Shape =
    Shape { name: "CreateUpload", about: "Nothing has to be said about a file before it is there.", fields: &[TENANT] };

pub const UPLOAD: Shape = Shape {
    name: "Upload",
    about: "PUT the file to url before it expires, without a key; then make a csv connection of upload_id.",
    fields: &[
        required("upload_id", Id, ""),
        required("url", TEXT, ""),
        required("expires_at", Instant, ""),
        required("max_bytes", Integer, "A larger file is refused when it is read."),
    ],
};

pub const CONNECTION: Shape = Shape {
    name: "Connection",
    about: "",
    fields: &[
        required("connection_id", Id, ""),
        required("adapter", ADAPTERS, ""),
        required("version", Integer, ""),
        optional("as_of", Instant, ""),
    ],
};

pub const JOB_SOURCE: Shape = Shape {
    name: "JobSource",
    about: "Where orders come from.",
    fields: &[required("adapter", OneOf(&["shopify", "csv"]), ""), required("connection", Id, "")],
};

pub const JOB_TARGET: Shape = Shape {
    name: "JobTarget",
    about: "Where payments come from.",
    fields: &[required("adapter", OneOf(&["stripe", "csv"]), ""), required("connection", Id, "")],
};

const JOB_NAME: crate::shape::Field = required("name", Text(MAX_NAME_LENGTH), "");
const SOURCE: crate::shape::Field = required("source", Object(&JOB_SOURCE), "");
const TARGET: crate::shape::Field = required("target", Object(&JOB_TARGET), "");
const TIMEZONE: crate::shape::Field =
    optional("timezone", Zone, "IANA zone in which days begin and end; UTC when absent.");
const RULES: crate::shape::Field =
    optional("matching_rules", Free, "A rule set of the matching engine; its defaults when absent.");
const SCHEDULE_FIELD: crate::shape::Field = optional("schedule", Object(&SCHEDULE), "Runs the job by itself.");
const WEBHOOKS: crate::shape::Field =
    optional("webhooks", List(&Object(&WANTED_WEBHOOK)), "Addresses that are told how runs end; at most 10.");

pub const PERIODS: &[&str] = &["previous_month", "previous_week", "previous_day"];

pub const SCHEDULE: Shape = Shape {
    name: "Schedule",
    about: "When a job runs by itself, and over which days: the last complete period before it fires, in the job's zone. \
            A period is run once, however often the schedule fires in it.",
    fields: &[
        required(
            "expression",
            Text(domain::schedule::MAX_EXPRESSION_LENGTH),
            "cron(minute hour day-of-month month day-of-week year), rate(number unit) or at(yyyy-mm-ddThh:mm:ss), \
             as EventBridge Scheduler reads them.",
        ),
        optional("timezone", Zone, "IANA zone of the expression; the job's when absent."),
        required("window", OneOf(PERIODS), "A week is Monday to Sunday."),
    ],
};

const URL: Kind = Text(domain::webhook::MAX_URL_LENGTH);

pub const WANTED_WEBHOOK: Shape = Shape {
    name: "WantedWebhook",
    about: "",
    fields: &[
        optional("endpoint_id", Id, "An endpoint of this job that is to have this address; absent for a new one."),
        required("url", URL, "A public https address."),
        // What a read shows may be sent back.
        optional("disabled", Free, "Ignored: naming an endpoint enables it."),
    ],
};

const DISABLED: Shape = Shape {
    name: "Disabled",
    about: "Nothing is sent to the endpoint until a change of the job names it again.",
    fields: &[required("at", Instant, ""), required("reason", TEXT, "")],
};

pub const CREATE_JOB: Shape = Shape {
    name: "CreateJob",
    about: "",
    fields: &[
        optional("job_id", Id, "Generated when absent."),
        JOB_NAME,
        SOURCE,
        TARGET,
        TIMEZONE,
        RULES,
        SCHEDULE_FIELD,
        WEBHOOKS,
        TENANT,
    ],
};

pub const REPLACE_JOB: Shape = Shape {
    name: "ReplaceJob",
    about: "The whole definition; what is left out is removed.",
    fields: &[JOB_NAME, SOURCE, TARGET, TIMEZONE, RULES, SCHEDULE_FIELD, WEBHOOKS, TENANT],
};

const WEBHOOK: Shape = Shape {
    name: "Webhook",
    about: "",
    fields: &[
        required("endpoint_id", Id, ""),
        required("url", URL, ""),
        optional("disabled", Object(&DISABLED), ""),
        optional("secret", TEXT, "Signs what is sent there. Shown once, when the endpoint is new."),
    ],
};

pub const ROTATED: Shape = Shape {
    name: "RotatedSecret",
    about: "",
    fields: &[
        required("endpoint_id", Id, ""),
        required("url", URL, ""),
        required("secret", TEXT, "Shown once."),
        optional("previous_valid_until", Instant, "Until then, what is sent is signed with both secrets."),
    ],
};

pub const DELIVERY_STATES: &[&str] = &["pending", "delivered", "failed"];

const DELIVERY_ATTEMPT: Shape = Shape {
    name: "DeliveryAttempt",
    about: "",
    fields: &[
        required("at", Instant, ""),
        required("duration_ms", Integer, ""),
        optional("status", Integer, "The endpoint's answer; null without one."),
        optional("problem", TEXT, ""),
    ],
};

pub const DELIVERY: Shape = Shape {
    name: "Delivery",
    about: "One message to one endpoint, with its latest tries.",
    fields: &[
        required("delivery_id", TEXT, "webhook-id, the same across all tries and replays."),
        required("endpoint_id", Id, ""),
        required("reconciliation_id", Id, ""),
        required("attempt", Integer, "Of the run."),
        required("url", URL, ""),
        required("event_type", TEXT, "Such as reconciliation.completed."),
        required("payload", Free, "What is sent."),
        required("state", OneOf(DELIVERY_STATES), ""),
        optional(
            "failed",
            OneOf(&["retries_exhausted", "endpoint_gone", "endpoint_disabled", "endpoint_removed"]),
            "Why it was given up.",
        ),
        required("round", Integer, "1, and one more with each replay."),
        required("tries", Integer, "Of this round."),
        required("attempts", List(&Object(&DELIVERY_ATTEMPT)), "Oldest first, the latest 40."),
        optional("next_attempt_at", Instant, ""),
        required("created_at", Instant, ""),
    ],
};

pub const JOB: Shape = Shape {
    name: "Job",
    about: "",
    fields: &[
        required("job_id", Id, ""),
        JOB_NAME,
        SOURCE,
        TARGET,
        required("timezone", Zone, ""),
        optional("matching_rules", Free, "As they were given."),
        required("webhooks", List(&Object(&WEBHOOK)), ""),
        optional("schedule", Object(&SCHEDULE), ""),
        required("version", Integer, "Counts the job's changes; runs pin the one they started with."),
        optional("created_at", Instant, ""),
        optional("updated_at", Instant, ""),
        optional("as_of", Instant, ""),
    ],
};

const SIDE_TOTALS: Shape = Shape {
    name: "SideTotals",
    about: "in_scope = matched + suggested + unmatched.",
    fields: &[
        required("in_scope_minor", Integer, ""),
        required("matched_minor", Integer, ""),
        required("suggested_minor", Integer, ""),
        required("unmatched_minor", Integer, ""),
        required("excluded_minor", Integer, ""),
    ],
};

const DIFFERENCE: Shape = Shape {
    name: "Difference",
    about: "Target less source in minor units, split; the parts add up exactly.",
    fields: &[
        required("fee", Integer, ""),
        required("fx", Integer, ""),
        required("tip", Integer, ""),
        required("rounding", Integer, ""),
        required("partial", Integer, ""),
        required("unexplained", Integer, ""),
    ],
};

const TOTALS: Shape = Shape {
    name: "CurrencyTotals",
    about: "",
    fields: &[
        required("currency", Text(3), "ISO 4217."),
        required("exponent", Integer, "Decimals of the minor unit."),
        required("source", Object(&SIDE_TOTALS), ""),
        required("target", Object(&SIDE_TOTALS), ""),
        required("difference", Object(&DIFFERENCE), ""),
    ],
};

const WARNING: Shape = Shape {
    name: "Warning",
    about: "The run as a whole looks wrong.",
    fields: &[required("code", TEXT, ""), required("message", TEXT, "")],
};

const FAILURE: Shape = Shape {
    name: "Failure",
    about: "Why a run or a step failed.",
    fields: &[
        required("type", TEXT, "A name out of the error registry, such as Settler.ProviderAccessDenied."),
        required("message", TEXT, ""),
        required("step", TEXT, ""),
        required("retryable", Boolean, ""),
    ],
};

const STEPS: Kind = OneOf(&[
    "fetch_shopify_orders",
    "fetch_stripe_payments",
    "perform_matching",
    "persist_results",
    "finish",
    "notify_webhooks",
]);

pub const RESOURCES: &[&str] = &[
    "dynamodb_write_units",
    "dynamodb_read_units",
    "lambda_requests",
    "lambda_gb_seconds",
    "state_transitions",
    "api_requests",
    "s3_writes",
    "s3_reads",
    "s3_stored_mb",
    "sqs_requests",
    "bus_events",
    "secret_reads",
    "log_mb",
];

pub const COST_LINE: Shape = Shape {
    name: "CostLine",
    about: "One resource that AWS bills for.",
    fields: &[
        required("resource", OneOf(RESOURCES), ""),
        required("quantity_milli", Integer, "In thousandths of the unit that the resource's name says."),
        required("price_micro_usd_per_million", Integer, "Price of a million units, in millionths of a dollar."),
        required("amount_nano_usd", Integer, "In billionths of a dollar."),
    ],
};

pub const COST: Shape = Shape {
    name: "Cost",
    about: "What a run has cost on AWS so far, from what its invocations consumed, at public prices.",
    fields: &[
        required("total_nano_usd", Integer, "Sum of the lines, in billionths of a dollar."),
        required("prices", TEXT, "Region, terms and date of the prices."),
        required("lines", List(&Object(&COST_LINE)), ""),
        required("invocations", Integer, "Invocations of functions that the lines sum up."),
        required(
            "complete",
            Boolean,
            "False while the run has not ended, or when the engine has forgotten an execution.",
        ),
        required("tenant_secrets", Integer, "Secrets that the tenant's jobs name."),
        required("tenant_monthly_nano_usd", Integer, "What those secrets cost each month, with or without runs."),
    ],
};

pub const SUMMARY: Shape = Shape {
    name: "Summary",
    about: "A run with its figures. Counts are 0 until a result is published.",
    fields: &[
        required("reconciliation_id", Id, ""),
        required("job_id", Id, ""),
        required("tenant_id", Id, ""),
        required("status", RUN_STATUS, ""),
        required("attempt", Integer, ""),
        required("correlation_id", Id, ""),
        required("date_range", Object(&DATE_RANGE), ""),
        required("timezone", Zone, ""),
        required("source_adapter", ADAPTERS, ""),
        required("target_adapter", ADAPTERS, ""),
        optional("current_step", STEPS, "The step that runs, or the last one that ran."),
        required("total_source_records", Integer, "In scope."),
        required("total_target_records", Integer, "In scope."),
        required("matched_count", Integer, "Equal to matched_source_count."),
        required("matched_source_count", Integer, ""),
        required("matched_target_count", Integer, ""),
        required("suggested_source_count", Integer, ""),
        required("suggested_target_count", Integer, ""),
        required("unmatched_source_count", Integer, ""),
        required("unmatched_target_count", Integer, ""),
        required("excluded_source_count", Integer, ""),
        required("excluded_target_count", Integer, ""),
        required("discrepancy_count", Integer, ""),
        required("errors_count", Integer, "Failed attempts."),
        optional("accuracy_percentage", Number, "Matched records of records in scope, rounded down to two decimals."),
        required("totals", List(&Object(&TOTALS)), ""),
        required("warnings", List(&Object(&WARNING)), ""),
        optional("engine_version", TEXT, ""),
        optional("rule_set_version", TEXT, ""),
        optional("input_digest", TEXT, "Hex BLAKE3 over the sorted input, the rules and the time they were judged at."),
        required("started_at", Instant, ""),
        optional("completed_at", Instant, ""),
        optional("duration_ms", Integer, ""),
        optional("failure", Object(&FAILURE), ""),
        optional("cost", Object(&COST), "Of one run, with ?cost=true."),
        required("version", Integer, ""),
        required("as_of", Instant, ""),
    ],
};

/// What the engine says of records that belong together.
pub const VERDICT: Shape =
    Shape { name: "Verdict", about: "A match or a suggestion, as one of two results has it.", fields: &VERDICT_FIELDS };

const VERDICT_FIELDS: [Field; 14] = [
    required("match_id", TEXT, "Derived from the ids of the records."),
    required("kind", OneOf(&["pair", "group", "set"]), ""),
    required("status", OneOf(&["auto", "confirmed", "manual", "suggested"]), ""),
    required("source_ids", List(&TEXT), "Provider's ids of the movements."),
    required("target_ids", List(&TEXT), "Provider's ids of the movements."),
    required("order_names", List(&TEXT), ""),
    required("amount_minor", Integer, "Sum of the source side."),
    required("currency", Text(3), ""),
    required("confidence", Number, "From 0 to 1."),
    required("rule", TEXT, ""),
    required("matched_fields", List(&TEXT), ""),
    optional("margin", Integer, "Distance to the best assignment without this match; null where no other exists."),
    required("difference", Object(&DIFFERENCE), ""),
    required("cross_period", Boolean, "A member lies outside the run's own range."),
];

/// The same, of a result that was published.
pub const MATCH: Shape = Shape { name: "Match", about: "Records that belong together.", fields: &MATCH_FIELDS };

const MATCH_FIELDS: [Field; 15] = {
    let mut fields = [required("matched_at", Instant, ""); 15];
    let mut at = 0;
    while at < VERDICT_FIELDS.len() {
        fields[at] = VERDICT_FIELDS[at];
        at += 1;
    }
    fields
};

const CANDIDATE: Shape = Shape {
    name: "Candidate",
    about: "A record that was considered.",
    fields: &[
        required("record_id", TEXT, ""),
        required("score", Integer, "Thousandths of agreement."),
        required("why_not", TEXT, ""),
    ],
};

pub const UNMATCHED: Shape = Shape {
    name: "Unmatched",
    about: "An open question: a record without a partner, or a discrepancy.",
    fields: &[
        required("record_id", TEXT, ""),
        required("side", SIDES, ""),
        required("class", OneOf(&["missing", "discrepancy"]), ""),
        optional("order_name", TEXT, ""),
        required("amount_minor", Integer, ""),
        required("currency", Text(3), ""),
        required("occurred_at", Instant, ""),
        required("reason", TEXT, "A code."),
        required("explanation", TEXT, "The reason as a sentence."),
        required("candidates", List(&Object(&CANDIDATE)), ""),
        required("state", REVIEW_STATES, ""),
        optional("assignee", TEXT, ""),
        optional("note", TEXT, ""),
    ],
};

const REVIEW_STATES: Kind = OneOf(&["open", "accepted", "written_off"]);
const MATCH_ID: Kind = Text(64);
/// Reasons and notes of people.
const REMARK: Kind = Text(1_000);
const WHY: crate::shape::Field = required("reason", REMARK, "Why; kept with the decision.");

pub const DECIDE: Shape = Shape { name: "Decide", about: "", fields: &[WHY, TENANT] };

pub const MAKE_MATCH: Shape = Shape {
    name: "MakeMatch",
    about: "",
    fields: &[
        required("source_ids", List(&TEXT), "Provider's ids of movements that are unmatched; at least one."),
        required("target_ids", List(&TEXT), "As source_ids."),
        WHY,
        TENANT,
    ],
};

pub const DECIDED: Shape = Shape {
    name: "DecidedMatch",
    about: "A match as it stands after a decision.",
    fields: &[
        required("match_id", MATCH_ID, ""),
        required("status", OneOf(&["confirmed", "rejected", "manual", "broken"]), ""),
        required("source_ids", List(&TEXT), ""),
        required("target_ids", List(&TEXT), ""),
        required("version", Integer, "Of the run's event stream; for ?min_version=."),
    ],
};

pub const REVIEW: Shape = Shape {
    name: "ReviewException",
    about: "",
    fields: &[
        required("state", REVIEW_STATES, "What is accepted or written off stays unmatched, with its reason explained."),
        optional("assignee", Text(200), ""),
        required("note", REMARK, ""),
        TENANT,
    ],
};

pub const REVIEWED: Shape = Shape {
    name: "ReviewedException",
    about: "",
    fields: &[
        required("record_id", TEXT, ""),
        required("side", SIDES, ""),
        required("state", REVIEW_STATES, ""),
        optional("assignee", TEXT, ""),
        required("note", TEXT, ""),
        required("version", Integer, "Of the run's event stream; for ?min_version=."),
    ],
};

pub const EXCLUDED: Shape = Shape {
    name: "Excluded",
    about: "A record that is out of scope.",
    fields: &[
        required("record_id", TEXT, ""),
        required("side", SIDES, ""),
        optional("order_name", TEXT, ""),
        required("amount_minor", Integer, ""),
        required("currency", Text(3), ""),
        required("occurred_at", Instant, ""),
        required("reason", TEXT, ""),
    ],
};

pub const ORDER_STATES: &[&str] = &["paid", "partly_paid", "unpaid", "refunded", "disputed", "out_of_scope"];

pub const ORDER: Shape = Shape {
    name: "Order",
    about: "An order with what was received, refunded and found on the payment side.",
    fields: &[
        required("order_id", TEXT, ""),
        required("order_name", TEXT, ""),
        required("currency", Text(3), ""),
        required("total_minor", Integer, ""),
        required("received_minor", Integer, ""),
        required("refunded_minor", Integer, ""),
        required("matched_minor", Integer, ""),
        required("state", OneOf(ORDER_STATES), ""),
    ],
};

pub const REPORT: Shape = Shape {
    name: "Report",
    about: "Where the report can be fetched, without a key, until it expires.",
    fields: &[
        required("url", TEXT, ""),
        required("expires_at", Instant, ""),
        required(
            "includes_decisions",
            Boolean,
            "Whether it shows what people have decided; false for a run of more than 100,000 records that were decided about.",
        ),
    ],
};

pub const HEALTH: Shape = Shape { name: "Health", about: "", fields: &[required("status", OneOf(&["ok"]), "")] };

const METADATA: Shape = Shape {
    name: "Metadata",
    about: "",
    fields: &[
        required("tenant_id", Id, ""),
        optional("user_id", TEXT, "The key that acted."),
        required("timestamp", Instant, ""),
        required("correlation_id", Id, ""),
        optional("causation_id", TEXT, ""),
    ],
};

pub const EVENT: Shape = Shape {
    name: "Event",
    about: "",
    fields: &[
        required("id", TEXT, ""),
        required("aggregate_id", TEXT, ""),
        required("aggregate_type", TEXT, ""),
        required("sequence", Integer, "Position in the aggregate's stream, from 1, without gaps."),
        required("event_type", TEXT, ""),
        required("event_version", Integer, ""),
        required("data", Free, ""),
        required("metadata", Object(&METADATA), ""),
        required("created_at", Instant, ""),
    ],
};

pub const AUDIT_EVENTS: Shape = Shape {
    name: "AuditEvents",
    about: "One aggregate, or, without both fields, all of the tenant named by ?tenant_id=, or of every tenant.",
    fields: &[
        optional("aggregate_type", Text(64), "reconciliation, saga, matches, job, connection, api_key or audit."),
        optional("aggregate_id", Text(200), ""),
    ],
};

const DAMAGE: Shape = Shape {
    name: "Damage",
    about: "A stream that is not as it was written.",
    fields: &[
        required("tenant_id", Id, ""),
        required("aggregate_type", TEXT, ""),
        required("aggregate_id", TEXT, ""),
        required("sequence", Integer, "The first event that is wrong."),
        required("detail", TEXT, "What is wrong, and what to do."),
    ],
};

const REBUILT_HEAD: Shape = Shape {
    name: "RebuiltHead",
    about: "",
    fields: &[
        required("tenant_id", Id, ""),
        required("aggregate_type", TEXT, ""),
        required("aggregate_id", TEXT, ""),
        optional("was", Integer, "The version that the head said; absent when it was missing."),
        required("version", Integer, ""),
    ],
};

pub const EVENTS_AUDITED: Shape = Shape {
    name: "EventsAudited",
    about: "A part of an audit: go on with ?cursor=next_cursor until it is null.",
    fields: &[
        required("intact", Boolean, "Nothing in this part is damaged."),
        required("streams", Integer, ""),
        required("commits", Integer, "In intact streams."),
        required("events", Integer, "In intact streams."),
        required("damaged", List(&Object(&DAMAGE)), ""),
        required("rebuilt", List(&Object(&REBUILT_HEAD)), "Heads that were written anew."),
        optional("next_cursor", TEXT, ""),
    ],
};

const STEP_RUN: Shape = Shape {
    name: "StepRun",
    about: "One line of the step history.",
    fields: &[
        required("step", STEPS, ""),
        required(
            "status",
            OneOf(&[
                "running",
                "waiting",
                "succeeded",
                "failed",
                "reused",
                "undoing",
                "undone",
                "undo_failed",
                "undo_skipped",
            ]),
            "",
        ),
        required("started_at", Instant, ""),
        required("tried_at", Instant, "Start of the last try."),
        optional("ended_at", Instant, ""),
        required("tries", Integer, ""),
        required("pages", Integer, ""),
        required("records", Integer, ""),
        optional("ref", Any, "What the step left for the next ones: keys and digests."),
        optional("failure", Object(&FAILURE), ""),
        optional("waiting", Object(&WAITING), ""),
        required("waited_ms", Integer, "Waits that count towards the step's budget."),
        optional("undo_failure", Object(&FAILURE), ""),
        optional("undo_skipped", TEXT, "Why an operator skipped the undo."),
    ],
};

const WAITING: Shape = Shape {
    name: "Waiting",
    about: "Why a step waits.",
    fields: &[
        required("reason", OneOf(&["throttled", "circuit_open", "unavailable", "paused", "stuck"]), ""),
        optional("until", Instant, "When it goes on by itself; null when a person decides."),
        required("since", Instant, ""),
    ],
};

const CANCEL: Shape = Shape {
    name: "CancelRequest",
    about: "Somebody asked for the run to be cancelled.",
    fields: &[optional("reason", TEXT, ""), required("at", Instant, "")],
};

const PAST_ATTEMPT: Shape = Shape {
    name: "PastAttempt",
    about: "An earlier attempt of the run.",
    fields: &[
        required("attempt", Integer, ""),
        required("status", RUN_STATUS, ""),
        optional("ended_at", Instant, ""),
        optional("failure", Object(&FAILURE), ""),
    ],
};

pub const SAGA: Shape = Shape {
    name: "Saga",
    about: "The ledger of a run's workflow.",
    fields: &[
        required("saga_id", Id, ""),
        required("saga_type", OneOf(&["reconciliation"]), ""),
        required("tenant_id", Id, ""),
        required("attempt", Integer, ""),
        required("status", RUN_STATUS, ""),
        optional("current_step", STEPS, ""),
        required("steps", List(&Object(&STEP_RUN)), "History of the current attempt."),
        required("execution_arn", TEXT, "Of the execution in charge, for the Step Functions console."),
        required("executions", Integer, "How many executions have been in charge of this attempt."),
        optional("from_step", STEPS, "What this attempt began with; absent for the first."),
        optional("cancel", Object(&CANCEL), ""),
        optional("failure", Object(&FAILURE), "Why the attempt is undone or was."),
        optional("ended_at", Instant, ""),
        optional("past", List(&Object(&PAST_ATTEMPT)), "Earlier attempts, oldest first."),
        required("retry_count", Integer, ""),
        optional("next_retry_at", Instant, "When a wait ends by itself."),
        optional("timeout_at", Instant, "When the call of the running step is given up."),
        optional("due_at", Instant, "When the watchdog looks after this saga if nothing happens."),
        optional("error", Object(&FAILURE), "The last failure that no success has healed."),
        required("started_at", Instant, ""),
        required("updated_at", Instant, ""),
        required("version", Integer, ""),
        required("as_of", Instant, ""),
    ],
};

const FIELD_PROBLEM: Shape = Shape {
    name: "FieldProblem",
    about: "",
    fields: &[
        required("pointer", Any, "A JSON pointer into the body, or query:…, header:…, path:…."),
        required("code", TEXT, ""),
        required("detail", TEXT, ""),
    ],
};

pub const PROBLEM: Shape = Shape {
    name: "Problem",
    about: "RFC 9457. What the gateway itself answers (401, 403, 413, 429) keeps the gateway's shape, {\"message\": …}.",
    fields: &[
        required("type", TEXT, ""),
        required("title", TEXT, ""),
        required("status", Integer, ""),
        required("detail", TEXT, ""),
        required("instance", Any, ""),
        required("code", TEXT, "Stable; the error registry's name in snake case."),
        required("request_id", Any, ""),
        required("errors", List(&Object(&FIELD_PROBLEM)), "All wrong fields at once."),
        optional("tenant_ids", List(&Id), "The owners, where an operator's id is ambiguous."),
        optional("state", RUN_STATUS, "State of the run, where a command makes no sense in it."),
        optional("earliest_step", STEPS, "The latest step that a retry can begin with, where staged data has expired."),
    ],
};
