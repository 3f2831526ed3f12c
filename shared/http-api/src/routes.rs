//! Every route there is, once: the functions dispatch by these keys, the OpenAPI document and the template's routes are
//! held against them.

use crate::{
    access::Scope,
    dry_run::{DRY_RUN, DRY_RUN_RESULT},
    operations::{CIRCUIT, DEAD_LETTER, LETTER_STATES, MAX_NAME, REDRIVE_SET, REDRIVEN, RESOLVE},
    page::{DEFAULT_LIMIT, MAX_LIMIT},
    projection_shapes::{COMPARISON, ERROR_HOTSPOT, PROJECTION, REBUILD_REQUEST, REBUILDS, UNPARK, UNPARKED, USAGE},
    shape::{Kind, Shape},
    shapes::{
        AUDIT_EVENTS, CANCEL_RUN, CONNECTION, CREATE_JOB, CREATE_UPLOAD, DECIDE, DECIDED, DELIVERY, EVENT,
        EVENTS_AUDITED, EXCLUDED, HEALTH, JOB, KILL, MAKE_MATCH, MATCH, ORDER, ORDER_STATES, PAUSE, PUT_CONNECTION,
        REPLACE_JOB, REPORT, RESUME, RETRY, REVIEW, REVIEWED, ROTATED, SAGA, SKIP_UNDO, START, STARTED, STATUSES,
        STEERED, SUMMARY, UNMATCHED, UPLOAD,
    },
};

pub const START_RECONCILIATION: &str = "POST /v1/reconciliations";
pub const RETRY_RECONCILIATION: &str = "POST /v1/reconciliations/{id}/retry";
pub const CANCEL_RECONCILIATION: &str = "POST /v1/reconciliations/{id}/cancel";
pub const PAUSE_RECONCILIATION: &str = "POST /v1/reconciliations/{id}/pause";
pub const RESUME_RECONCILIATION: &str = "POST /v1/reconciliations/{id}/resume";
pub const PUT_CONNECTION_ROUTE: &str = "PUT /v1/connections/{id}";
pub const CREATE_UPLOAD_ROUTE: &str = "POST /v1/uploads";
pub const CREATE_JOB_ROUTE: &str = "POST /v1/jobs";
pub const REPLACE_JOB_ROUTE: &str = "PUT /v1/jobs/{id}";
pub const DELETE_JOB: &str = "DELETE /v1/jobs/{id}";
pub const ROTATE_SECRET: &str = "POST /v1/jobs/{id}/webhooks/{endpoint_id}/rotate";
pub const LIST_DELIVERIES: &str = "GET /v1/webhooks/{endpoint_id}/deliveries";
pub const REPLAY_DELIVERY: &str = "POST /v1/webhooks/{endpoint_id}/deliveries/{delivery_id}/replay";
pub const GET_CONNECTION: &str = "GET /v1/connections/{id}";
pub const LIST_JOBS: &str = "GET /v1/jobs";
pub const GET_JOB: &str = "GET /v1/jobs/{id}";
pub const LIST_RECONCILIATIONS: &str = "GET /v1/reconciliations";
pub const GET_RECONCILIATION: &str = "GET /v1/reconciliations/{id}";
pub const GET_MATCHES: &str = "GET /v1/reconciliations/{id}/matches";
pub const GET_SUGGESTIONS: &str = "GET /v1/reconciliations/{id}/suggestions";
pub const GET_UNMATCHED: &str = "GET /v1/reconciliations/{id}/unmatched";
pub const GET_EXCLUDED: &str = "GET /v1/reconciliations/{id}/excluded";
pub const GET_ORDERS: &str = "GET /v1/reconciliations/{id}/orders";
pub const GET_REPORT: &str = "GET /v1/reconciliations/{id}/report";
pub const GET_USAGE: &str = "GET /v1/usage";
pub const GET_ERROR_HOTSPOTS: &str = "GET /v1/error-hotspots";
pub const LIST_PROJECTIONS: &str = "GET /admin/projections";
pub const COMPARE_PROJECTIONS: &str = "GET /admin/projections/comparison";
pub const REBUILD_PROJECTIONS: &str = "POST /admin/projections/rebuild";
pub const UNPARK_PROJECTION: &str = "POST /admin/projections/unpark";
pub const CONFIRM_SUGGESTION: &str = "POST /v1/reconciliations/{id}/suggestions/{match_id}/confirm";
pub const REJECT_SUGGESTION: &str = "POST /v1/reconciliations/{id}/suggestions/{match_id}/reject";
pub const MAKE_MATCH_ROUTE: &str = "POST /v1/reconciliations/{id}/matches";
pub const BREAK_MATCH: &str = "POST /v1/reconciliations/{id}/matches/{match_id}/break";
/// A record's id may hold slashes, so the rest of the path is taken for it; encoded, it is one segment.
pub const REVIEW_EXCEPTION: &str = "POST /v1/reconciliations/{id}/unmatched/{record_id+}";
pub const GET_HEALTH: &str = "GET /healthz";
pub const EVENTS_OF_AGGREGATE: &str = "GET /admin/events/{aggregate_type}/{aggregate_id}";
pub const EVENTS_OF_CORRELATION: &str = "GET /admin/events/correlation/{correlation_id}";
pub const VERIFY_EVENTS: &str = "POST /admin/events/verify";
pub const REBUILD_HEADS: &str = "POST /admin/events/rebuild-heads";
pub const DRY_RUN_ROUTE: &str = "POST /admin/dry-run";
pub const LIST_SAGAS: &str = "GET /admin/sagas";
pub const GET_SAGA: &str = "GET /admin/sagas/{saga_type}/{saga_id}";
pub const RESUME_SAGA: &str = "POST /admin/sagas/{saga_type}/{saga_id}/resume";
pub const RETRY_SAGA: &str = "POST /admin/sagas/{saga_type}/{saga_id}/retry";
pub const CANCEL_SAGA: &str = "POST /admin/sagas/{saga_type}/{saga_id}/cancel";
pub const KILL_SAGA: &str = "POST /admin/sagas/{saga_type}/{saga_id}/kill";
pub const SKIP_UNDO_OF_SAGA: &str = "POST /admin/sagas/{saga_type}/{saga_id}/skip-undo";

pub const LIST_DEAD_LETTERS: &str = "GET /admin/dead-letter-queue";
pub const GET_DEAD_LETTER: &str = "GET /admin/dead-letter-queue/{id}";
pub const RESOLVE_DEAD_LETTER: &str = "POST /admin/dead-letter-queue/{id}/resolve";
pub const REDRIVE_DEAD_LETTER: &str = "POST /admin/dead-letter-queue/{id}/redrive";
pub const REDRIVE_DEAD_LETTERS: &str = "POST /admin/dead-letter-queue/redrive";
pub const LIST_CIRCUITS: &str = "GET /admin/circuit-breakers";
pub const OPEN_CIRCUIT: &str = "POST /admin/circuit-breakers/{key}/open";
pub const CLOSE_CIRCUIT: &str = "POST /admin/circuit-breakers/{key}/close";
pub const FREE_CIRCUIT: &str = "POST /admin/circuit-breakers/{key}/auto";
pub const LIST_KEYS: &str = "GET /admin/api-keys";
pub const CREATE_KEY: &str = "POST /admin/api-keys";
pub const REVOKE_KEY: &str = "DELETE /admin/api-keys/{key_id}";
pub const ADMIN_HEALTH: &str = "GET /admin/health";

/// A parameter in the query.
#[derive(Debug, Clone, Copy)]
pub struct Parameter {
    pub name: &'static str,
    pub kind: Kind,
    pub required: bool,
    pub about: &'static str,
}

const fn query(name: &'static str, kind: Kind, about: &'static str) -> Parameter {
    Parameter { name, kind, required: false, about }
}

/// What a route answers when it goes well.
#[derive(Debug, Clone, Copy)]
pub enum Answer {
    One(&'static Shape),
    PageOf(&'static Shape),
    Nothing,
}

#[derive(Debug)]
pub struct Route {
    /// Method and path, as API Gateway writes them.
    pub key: &'static str,
    pub operation: &'static str,
    pub summary: &'static str,
    /// None for what needs no key.
    pub scope: Option<Scope>,
    pub query: &'static [Parameter],
    pub body: Option<&'static Shape>,
    /// `Idempotency-Key` is honoured.
    pub idempotent: bool,
    /// `If-Match` is honoured.
    pub conditional: bool,
    pub statuses: &'static [u16],
    pub answer: Answer,
    pub problems: &'static [u16],
}

const LIMIT: Parameter = query("limit", Kind::Integer, "Items on a page.");
const CURSOR: Parameter = query("cursor", Kind::Text(2_000), "next_cursor of the page before, unaltered.");
const MIN_VERSION: Parameter =
    query("min_version", Kind::Integer, "Wait up to 2 s until the read shows at least this version.");
const TENANT_ID: Parameter =
    query("tenant_id", Kind::Id, "The tenant whose id it is; needed where several tenants have it.");
const PAGED: &[Parameter] = &[LIMIT, CURSOR];

/// What a read of one thing looks like; the others differ from it.
const READ: Route = Route {
    key: "",
    operation: "",
    summary: "",
    scope: Some(Scope::Read),
    query: &[],
    body: None,
    idempotent: false,
    conditional: false,
    statuses: &[200],
    answer: Answer::Nothing,
    problems: &[400, 403, 404, 500, 503],
};
const WRITE: Route =
    Route { scope: Some(Scope::Write), problems: &[400, 403, 404, 409, 412, 413, 422, 500, 503], ..READ };
/// A decision of a person about a run's result.
const DECISION: Route = Route {
    body: Some(&DECIDE),
    idempotent: true,
    answer: Answer::One(&DECIDED),
    problems: &[400, 403, 404, 409, 413, 422, 500, 503],
    ..WRITE
};
const ADMIN: Route = Route { scope: Some(Scope::Admin), ..READ };
/// What an operator does beside runs.
const OPERATE: Route = Route { idempotent: true, ..ADMIN };
/// A command on a run that was started.
const STEER: Route = Route {
    idempotent: true,
    conditional: true,
    statuses: &[202],
    answer: Answer::One(&STEERED),
    problems: &[400, 403, 404, 409, 412, 413, 422, 500, 503],
    ..WRITE
};
const STEER_SAGA: Route = Route { scope: Some(Scope::Admin), query: &[TENANT_ID], ..STEER };

pub const ROUTES: &[Route] = &[
    Route {
        key: PUT_CONNECTION_ROUTE,
        operation: "putConnection",
        summary: "Create a connection or give it new credentials",
        body: Some(&PUT_CONNECTION),
        statuses: &[200, 201],
        answer: Answer::One(&CONNECTION),
        problems: &[400, 403, 409, 413, 422, 500, 503],
        ..WRITE
    },
    Route {
        key: GET_CONNECTION,
        operation: "getConnection",
        summary: "A connection, without its credentials",
        query: &[MIN_VERSION],
        answer: Answer::One(&CONNECTION),
        ..READ
    },
    Route {
        key: CREATE_UPLOAD_ROUTE,
        operation: "createUpload",
        summary: "An address to put a file to",
        body: Some(&CREATE_UPLOAD),
        idempotent: true,
        statuses: &[201],
        answer: Answer::One(&UPLOAD),
        problems: &[400, 403, 413, 500, 503],
        ..WRITE
    },
    Route {
        key: CREATE_JOB_ROUTE,
        operation: "createJob",
        summary: "Create a job",
        body: Some(&CREATE_JOB),
        idempotent: true,
        statuses: &[201],
        answer: Answer::One(&JOB),
        problems: &[400, 403, 409, 413, 422, 500, 503],
        ..WRITE
    },
    Route {
        key: LIST_JOBS,
        operation: "listJobs",
        summary: "Jobs, by id",
        query: &[
            query(
                "min_version",
                Kind::Integer,
                "With job_id: wait up to 2 s until the list shows that job at this version.",
            ),
            query("job_id", Kind::Id, "The job that min_version is about; no filter."),
            LIMIT,
            CURSOR,
        ],
        answer: Answer::PageOf(&JOB),
        problems: &[400, 403, 500, 503],
        ..READ
    },
    Route {
        key: GET_JOB,
        operation: "getJob",
        summary: "A job",
        query: &[MIN_VERSION],
        answer: Answer::One(&JOB),
        ..READ
    },
    Route {
        key: REPLACE_JOB_ROUTE,
        operation: "replaceJob",
        summary: "Change a job; runs that were started keep the definition they started with",
        body: Some(&REPLACE_JOB),
        conditional: true,
        answer: Answer::One(&JOB),
        ..WRITE
    },
    Route {
        key: DELETE_JOB,
        operation: "deleteJob",
        summary: "Delete a job; its id cannot be used again",
        conditional: true,
        statuses: &[204],
        problems: &[400, 403, 404, 409, 412, 500, 503],
        ..WRITE
    },
    Route {
        key: ROTATE_SECRET,
        operation: "rotateWebhookSecret",
        summary: "A new secret for an endpoint; the present one stays valid for a day",
        idempotent: true,
        answer: Answer::One(&ROTATED),
        problems: &[400, 403, 404, 409, 422, 500, 503],
        ..WRITE
    },
    Route {
        key: LIST_DELIVERIES,
        operation: "listDeliveries",
        summary: "What was sent to an endpoint, newest first",
        query: PAGED,
        answer: Answer::PageOf(&DELIVERY),
        ..READ
    },
    Route {
        key: REPLAY_DELIVERY,
        operation: "replayDelivery",
        summary: "Send a delivery again, under the same webhook-id",
        idempotent: true,
        statuses: &[202],
        answer: Answer::One(&DELIVERY),
        problems: &[400, 403, 404, 409, 422, 500, 503],
        ..WRITE
    },
    Route {
        key: START_RECONCILIATION,
        operation: "startReconciliation",
        summary: "Start a run of a job over a date range",
        body: Some(&START),
        idempotent: true,
        statuses: &[202],
        answer: Answer::One(&STARTED),
        problems: &[400, 403, 404, 409, 413, 422, 500, 503],
        ..WRITE
    },
    Route {
        key: LIST_RECONCILIATIONS,
        operation: "listReconciliations",
        summary: "Runs, newest first",
        query: &[
            query("status", Kind::OneOf(STATUSES), ""),
            query("job_id", Kind::Id, ""),
            query("from", Kind::Date, "First day of started_at, in UTC."),
            query("to", Kind::Date, "Last day of started_at, in UTC."),
            query(
                "min_version",
                Kind::Integer,
                "With reconciliation_id: wait up to 2 s until the list shows that run at this version.",
            ),
            query("reconciliation_id", Kind::Id, "The run that min_version is about; no filter."),
            LIMIT,
            CURSOR,
        ],
        answer: Answer::PageOf(&SUMMARY),
        problems: &[400, 403, 500, 503],
        ..READ
    },
    Route {
        key: GET_RECONCILIATION,
        operation: "getReconciliation",
        summary: "A run with its figures, consistent",
        query: &[MIN_VERSION, query("cost", Kind::Boolean, "Also what the run has cost so far.")],
        answer: Answer::One(&SUMMARY),
        ..READ
    },
    Route {
        key: GET_MATCHES,
        operation: "listMatches",
        summary: "Matches of the published attempt, without suggestions",
        query: PAGED,
        answer: Answer::PageOf(&MATCH),
        ..READ
    },
    Route {
        key: GET_SUGGESTIONS,
        operation: "listSuggestions",
        summary: "Matches that a person should decide",
        query: PAGED,
        answer: Answer::PageOf(&MATCH),
        ..READ
    },
    Route {
        key: GET_UNMATCHED,
        operation: "listUnmatched",
        summary: "Open questions, with reasons",
        query: PAGED,
        answer: Answer::PageOf(&UNMATCHED),
        ..READ
    },
    Route {
        key: GET_EXCLUDED,
        operation: "listExcluded",
        summary: "Records out of scope, with reasons",
        query: PAGED,
        answer: Answer::PageOf(&EXCLUDED),
        ..READ
    },
    Route {
        key: GET_ORDERS,
        operation: "listOrders",
        summary: "Orders with what was received",
        query: &[query("state", Kind::OneOf(ORDER_STATES), ""), LIMIT, CURSOR],
        answer: Answer::PageOf(&ORDER),
        ..READ
    },
    Route {
        key: CONFIRM_SUGGESTION,
        operation: "confirmSuggestion",
        summary: "Take a suggestion for a match",
        ..DECISION
    },
    Route {
        key: REJECT_SUGGESTION,
        operation: "rejectSuggestion",
        summary: "Say that the records of a suggestion do not belong together",
        ..DECISION
    },
    Route {
        key: MAKE_MATCH_ROUTE,
        operation: "makeMatch",
        summary: "Match records by hand",
        body: Some(&MAKE_MATCH),
        ..DECISION
    },
    Route {
        key: BREAK_MATCH,
        operation: "breakMatch",
        summary: "Take a match apart; its records are open again",
        ..DECISION
    },
    Route {
        key: REVIEW_EXCEPTION,
        operation: "reviewException",
        summary: "Assign, accept or write off an open question, with a note",
        body: Some(&REVIEW),
        answer: Answer::One(&REVIEWED),
        ..DECISION
    },
    Route {
        key: GET_REPORT,
        operation: "getReport",
        summary: "A short-lived address of the whole report",
        query: &[Parameter { required: true, ..query("format", Kind::OneOf(&["csv", "jsonl"]), "") }],
        answer: Answer::One(&REPORT),
        problems: &[400, 403, 404, 409, 500, 503],
        ..READ
    },
    Route {
        key: GET_USAGE,
        operation: "getUsage",
        summary: "Usage by the day on which runs started, in UTC; days without runs are left out",
        query: &[
            query("from", Kind::Date, "First day; 30 days before the last one when absent."),
            query("to", Kind::Date, "Last day; today when absent."),
            query(
                "min_version",
                Kind::Integer,
                "With reconciliation_id: wait up to 2 s until that run is counted at this version.",
            ),
            query("reconciliation_id", Kind::Id, "The run that min_version is about; no filter."),
            query("limit", Kind::Integer, "Days that a page looks at."),
            CURSOR,
        ],
        answer: Answer::PageOf(&USAGE),
        problems: &[400, 403, 500, 503],
        ..READ
    },
    Route {
        key: GET_ERROR_HOTSPOTS,
        operation: "listErrorHotspots",
        summary: "Failed tries of steps, counted by run, error type and step",
        query: &[
            query("job_id", Kind::Id, ""),
            query("reconciliation_id", Kind::Id, ""),
            query(
                "min_version",
                Kind::Integer,
                "With reconciliation_id: wait up to 2 s until its saga is counted at this version of the saga.",
            ),
            LIMIT,
            CURSOR,
        ],
        answer: Answer::PageOf(&ERROR_HOTSPOT),
        problems: &[400, 403, 500, 503],
        ..READ
    },
    Route {
        key: LIST_PROJECTIONS,
        operation: "listProjections",
        summary: "Projections with their versions and their last rebuild",
        answer: Answer::PageOf(&PROJECTION),
        problems: &[400, 403, 500, 503],
        ..ADMIN
    },
    Route {
        key: COMPARE_PROJECTIONS,
        operation: "compareProjections",
        summary: "Heads against checkpoints: what is exact, and what lags or is parked",
        query: &[query("limit", Kind::Integer, "Heads that a page looks at."), CURSOR],
        answer: Answer::One(&COMPARISON),
        problems: &[400, 403, 500, 503],
        ..ADMIN
    },
    Route {
        key: REBUILD_PROJECTIONS,
        operation: "rebuildProjections",
        summary: "Rebuild read models from the log; asked again, it goes on",
        query: &[TENANT_ID],
        body: Some(&REBUILD_REQUEST),
        statuses: &[202],
        answer: Answer::One(&REBUILDS),
        problems: &[400, 403, 404, 409, 413, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: UNPARK_PROJECTION,
        operation: "unparkProjection",
        summary: "Pull an aggregate again that a projection has put aside",
        query: &[TENANT_ID],
        body: Some(&UNPARK),
        statuses: &[202],
        answer: Answer::One(&UNPARKED),
        problems: &[400, 403, 404, 409, 413, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: EVENTS_OF_AGGREGATE,
        operation: "listEventsOfAggregate",
        summary: "Events of an aggregate, oldest first",
        query: &[
            TENANT_ID,
            query("as_of", Kind::Instant, "Leave out what was written later, and show the state at that point."),
            LIMIT,
            CURSOR,
        ],
        answer: Answer::PageOf(&EVENT),
        problems: &[400, 403, 404, 409, 500, 503],
        ..ADMIN
    },
    Route {
        key: EVENTS_OF_CORRELATION,
        operation: "listEventsOfCorrelation",
        summary: "Events that share a correlation id, oldest first",
        query: &[Parameter { required: true, ..TENANT_ID }, LIMIT, CURSOR],
        answer: Answer::PageOf(&EVENT),
        ..ADMIN
    },
    Route {
        key: VERIFY_EVENTS,
        operation: "verifyEvents",
        summary: "Recompute hash chains and read every event, of one aggregate, a tenant or all; what is damaged is named",
        query: &[TENANT_ID, CURSOR],
        body: Some(&AUDIT_EVENTS),
        answer: Answer::One(&EVENTS_AUDITED),
        problems: &[400, 403, 404, 409, 413, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: REBUILD_HEADS,
        operation: "rebuildHeads",
        summary: "Write heads anew out of their commits where they are missing or differ",
        query: &[TENANT_ID, CURSOR],
        body: Some(&AUDIT_EVENTS),
        answer: Answer::One(&EVENTS_AUDITED),
        problems: &[400, 403, 404, 409, 413, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: DRY_RUN_ROUTE,
        operation: "dryRun",
        summary: "Try other rules on what a past run looked at: the difference, nothing is written",
        query: &[TENANT_ID],
        body: Some(&DRY_RUN),
        answer: Answer::One(&DRY_RUN_RESULT),
        problems: &[400, 403, 404, 409, 413, 422, 500, 503],
        ..ADMIN
    },
    Route {
        key: LIST_SAGAS,
        operation: "listSagas",
        summary: "Sagas; newest first for one tenant, in no order for all",
        query: &[
            query("tenant_id", Kind::Id, ""),
            query("status", Kind::OneOf(STATUSES), ""),
            query(
                "min_version",
                Kind::Integer,
                "With tenant_id and saga_id: wait up to 2 s until the list shows that saga at this version.",
            ),
            query("saga_id", Kind::Id, "The saga that min_version is about; no filter."),
            LIMIT,
            CURSOR,
        ],
        answer: Answer::PageOf(&SAGA),
        problems: &[400, 403, 500, 503],
        ..ADMIN
    },
    Route {
        key: GET_SAGA,
        operation: "getSaga",
        summary: "A saga with its step history",
        query: &[TENANT_ID],
        answer: Answer::One(&SAGA),
        problems: &[400, 403, 404, 409, 500, 503],
        ..ADMIN
    },
    Route {
        key: LIST_DEAD_LETTERS,
        operation: "listDeadLetters",
        summary: "What nobody could handle: new ones first, then redriven, then resolved; newest first within each",
        query: &[
            query("state", Kind::OneOf(LETTER_STATES), ""),
            query("source", Kind::Text(MAX_NAME), "Such as saga-control."),
            query("error_type", Kind::Text(MAX_NAME), "Such as Settler.ConsumerCrashed."),
            query("tenant_id", Kind::Id, ""),
            LIMIT,
            CURSOR,
        ],
        answer: Answer::PageOf(&DEAD_LETTER),
        problems: &[400, 403, 500, 503],
        ..ADMIN
    },
    Route {
        key: GET_DEAD_LETTER,
        operation: "getDeadLetter",
        summary: "A dead letter with its payload",
        answer: Answer::One(&DEAD_LETTER),
        problems: &[403, 404, 500, 503],
        ..ADMIN
    },
    Route {
        key: RESOLVE_DEAD_LETTER,
        operation: "resolveDeadLetter",
        summary: "Deal with a dead letter for good, and say how; again with the same notes is the same",
        body: Some(&RESOLVE),
        answer: Answer::One(&DEAD_LETTER),
        problems: &[400, 403, 404, 409, 413, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: REDRIVE_DEAD_LETTER,
        operation: "redriveDeadLetter",
        summary: "Send a dead letter back to where it came from; again within a minute is the same",
        answer: Answer::One(&DEAD_LETTER),
        problems: &[400, 403, 404, 409, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: REDRIVE_DEAD_LETTERS,
        operation: "redriveDeadLetters",
        summary: "Send a set of new dead letters back, or count it first",
        body: Some(&REDRIVE_SET),
        answer: Answer::One(&REDRIVEN),
        problems: &[400, 403, 413, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: LIST_CIRCUITS,
        operation: "listCircuits",
        summary: "Circuit breakers that were used, with their last changes",
        query: &[query("tenant_id", Kind::Id, "This tenant's and the providers' own."), LIMIT, CURSOR],
        answer: Answer::PageOf(&CIRCUIT),
        problems: &[400, 403, 500, 503],
        ..ADMIN
    },
    Route {
        key: OPEN_CIRCUIT,
        operation: "openCircuit",
        summary: "Force a circuit open: no call goes out until it is closed or automatic again",
        answer: Answer::One(&CIRCUIT),
        problems: &[400, 403, 404, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: CLOSE_CIRCUIT,
        operation: "closeCircuit",
        summary: "Force a circuit closed: calls go out whatever happens",
        answer: Answer::One(&CIRCUIT),
        problems: &[400, 403, 404, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: FREE_CIRCUIT,
        operation: "freeCircuit",
        summary: "Leave a circuit to itself again, closed to begin with",
        answer: Answer::One(&CIRCUIT),
        problems: &[400, 403, 404, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: LIST_KEYS,
        operation: "listApiKeys",
        summary: "API keys without the keys, in no order",
        query: &[
            query("tenant_id", Kind::Id, "This tenant's; a page may then hold fewer than the limit."),
            LIMIT,
            CURSOR,
        ],
        answer: Answer::PageOf(&crate::keys::KEY),
        problems: &[400, 403, 500, 503],
        ..ADMIN
    },
    Route {
        key: CREATE_KEY,
        operation: "createApiKey",
        summary: "Issue a key, which is shown once",
        body: Some(&crate::keys::CREATE_KEY),
        statuses: &[201],
        answer: Answer::One(&crate::keys::NEW_KEY),
        problems: &[400, 403, 409, 413, 422, 500, 503],
        ..OPERATE
    },
    Route {
        key: REVOKE_KEY,
        operation: "revokeApiKey",
        summary: "Revoke a key at once; again is fine",
        answer: Answer::One(&crate::keys::KEY),
        problems: &[403, 404, 409, 500, 503],
        ..ADMIN
    },
    Route {
        key: ADMIN_HEALTH,
        operation: "adminHealth",
        summary: "What is wrong right now: read models, sagas, circuits, dead letters",
        answer: Answer::One(&crate::health::HEALTH),
        problems: &[403, 500, 503],
        ..ADMIN
    },
    Route {
        key: RESUME_SAGA,
        operation: "resumeSaga",
        summary: "Let a paused saga go on, or a stuck one try its undo again",
        body: Some(&RESUME),
        ..STEER_SAGA
    },
    Route {
        key: RETRY_SAGA,
        operation: "retrySaga",
        summary: "Begin a further attempt of a saga that failed or was cancelled",
        body: Some(&RETRY),
        ..STEER_SAGA
    },
    Route {
        key: CANCEL_SAGA,
        operation: "cancelSaga",
        summary: "Undo a saga and end it as cancelled",
        body: Some(&CANCEL_RUN),
        ..STEER_SAGA
    },
    Route {
        key: KILL_SAGA,
        operation: "killSaga",
        summary: "End a saga as it stands, without undoing it, and say what it left",
        body: Some(&KILL),
        ..STEER_SAGA
    },
    Route {
        key: SKIP_UNDO_OF_SAGA,
        operation: "skipUndoOfSaga",
        summary: "Go on without the undo of the step that a saga is stuck at",
        body: Some(&SKIP_UNDO),
        ..STEER_SAGA
    },
    Route {
        key: RETRY_RECONCILIATION,
        operation: "retryReconciliation",
        summary: "Begin a further attempt of a run that failed or was cancelled",
        body: Some(&RETRY),
        ..STEER
    },
    Route {
        key: CANCEL_RECONCILIATION,
        operation: "cancelReconciliation",
        summary: "Undo a run and end it as cancelled",
        body: Some(&CANCEL_RUN),
        ..STEER
    },
    Route {
        key: PAUSE_RECONCILIATION,
        operation: "pauseReconciliation",
        summary: "Hold a run before its next step",
        body: Some(&PAUSE),
        ..STEER
    },
    Route {
        key: RESUME_RECONCILIATION,
        operation: "resumeReconciliation",
        summary: "Let a paused run go on, or a stuck one try its undo again",
        body: Some(&RESUME),
        ..STEER
    },
    Route {
        key: GET_HEALTH,
        operation: "getHealth",
        summary: "Whether the service answers",
        scope: None,
        answer: Answer::One(&HEALTH),
        problems: &[500],
        ..READ
    },
];

impl Route {
    #[must_use]
    pub fn find(key: &str) -> Option<&'static Self> {
        ROUTES.iter().find(|route| route.key == key)
    }

    #[must_use]
    pub fn method(&self) -> &'static str {
        self.key.split_once(' ').map_or("", |(method, _)| method)
    }

    #[must_use]
    pub fn path(&self) -> &'static str {
        self.key.split_once(' ').map_or("", |(_, path)| path)
    }

    /// Names in braces in the path.
    pub fn path_parameters(&self) -> impl Iterator<Item = &'static str> {
        self.path()
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .map(|name| name.trim_end_matches('+'))
    }
}

impl Parameter {
    pub(crate) fn schema(&self) -> serde_json::Value {
        let mut schema = self.kind.schema();
        if self.name == LIMIT.name {
            schema =
                serde_json::json!({ "type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT });
        }
        schema
    }
}
