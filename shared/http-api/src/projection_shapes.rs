//! Bodies of the views that projections make, and of what operators do about projections.

use crate::shape::{
    Kind::{Date, Id, Instant, Integer, List, Object, OneOf, Text},
    Shape, optional, required,
};

/// Names of the read models.
const NAMES: &[&str] = &["reconciliation_summary", "saga_state", "jobs", "tenant_usage_view", "error_hotspots_view"];
const TEXT: crate::shape::Kind = Text(4_000);

pub const USAGE: Shape = Shape {
    name: "DailyUsage",
    about: "What the runs that started on a day used.",
    fields: &[
        required("day", Date, "In UTC."),
        required("reconciliations", Integer, "Runs that started."),
        required("records", Integer, "Records fetched from both providers, over all attempts."),
        required("matches", Integer, "Matched records of the source side in visible results."),
        required("successes", Integer, "Attempts that completed."),
        required("failures", Integer, "Attempts that failed."),
        required("duration_ms", Integer, "Of all attempts that have ended."),
        optional("as_of", Instant, ""),
    ],
};

pub const ERROR_HOTSPOT: Shape = Shape {
    name: "ErrorHotspot",
    about: "An error of a step of a run. Tries that a later one has healed count too.",
    fields: &[
        optional("job_id", Id, ""),
        required("reconciliation_id", Id, ""),
        required("error_type", TEXT, "A name out of the error registry."),
        required("step", TEXT, ""),
        required("count", Integer, ""),
        required("first_seen", Instant, ""),
        required("last_seen", Instant, ""),
        optional("last_message", crate::shape::Kind::Any, "What the last one said."),
    ],
};

const UNFOLDED: Shape = Shape {
    name: "Unfolded",
    about: "An aggregate that could not be folded.",
    fields: &[
        required("tenant_id", Id, ""),
        required("aggregate_type", TEXT, ""),
        required("aggregate_id", TEXT, ""),
        required("position", Integer, "Sequence of the event at which it stopped."),
        required("error", TEXT, ""),
    ],
};

pub const REBUILD: Shape = Shape {
    name: "Rebuild",
    about: "",
    fields: &[
        required("number", Integer, "Counts the rebuilds of the projection."),
        required("scope", OneOf(&["all", "reconciliation", "range"]), ""),
        optional("tenant_id", Id, ""),
        optional("reconciliation_id", Id, ""),
        optional("from", Instant, ""),
        optional("to", Instant, ""),
        required(
            "phase",
            OneOf(&[
                "announcing",
                "counting",
                "folding",
                "auditing",
                "retiring",
                "removing_rows",
                "removing_checkpoints",
                "done",
                "blocked",
            ]),
            "blocked: aggregates cannot be folded that the live version shows; it stays live.",
        ),
        optional("requested_by", TEXT, ""),
        required("started_at", Instant, ""),
        required("updated_at", Instant, ""),
        optional("finished_at", Instant, ""),
        required("format", Integer, "How what it writes is stored."),
        required("total", Integer, "Aggregates (of a range: commits) of the present phase; 0 while it is not known."),
        required("done", Integer, ""),
        required("unfolded_count", Integer, ""),
        required("unfolded", List(&Object(&UNFOLDED)), "The first of them."),
    ],
};

pub const PROJECTION: Shape = Shape {
    name: "Projection",
    about: "A read model.",
    fields: &[
        required("projection", OneOf(NAMES), ""),
        required("aggregate_type", TEXT, "Whose streams it follows."),
        required("live", Integer, "The version that readers see."),
        optional("building", Integer, "The version that is being built beside it."),
        required("live_format", Integer, "How the live version is stored: number of the fold and its rows."),
        required("format", Integer, "How this release stores it; settler migrate brings the two together."),
        optional("rebuild", Object(&REBUILD), "The last one."),
    ],
};

const INEXACT: Shape = Shape {
    name: "Inexact",
    about: "An aggregate of which a projection does not show everything.",
    fields: &[
        required("projection", OneOf(NAMES), ""),
        required("projection_version", Integer, ""),
        required("tenant_id", Id, ""),
        required("aggregate_type", TEXT, ""),
        required("aggregate_id", TEXT, ""),
        required("standing", OneOf(&["behind", "parked", "ahead"]), ""),
        required("checkpoint", Integer, ""),
        required("head", Integer, ""),
        optional("position", Integer, "Sequence of the event at which it stopped."),
        optional("error", TEXT, ""),
    ],
};

pub const COMPARISON: Shape = Shape {
    name: "Comparison",
    about: "A page of heads, each compared with the checkpoint of every projection that follows it.",
    fields: &[
        required("checked", Integer, "Pairs of a projection and an aggregate."),
        required("exact", Integer, ""),
        required("inexact", List(&Object(&INEXACT)), ""),
        optional("next_cursor", TEXT, "Null on the last page."),
        required("as_of", Instant, ""),
    ],
};

pub const REBUILD_REQUEST: Shape = Shape {
    name: "RebuildProjections",
    about: "With neither a run nor a range everything is rebuilt beside the live version; else in it.",
    fields: &[
        optional("projection", OneOf(NAMES), "All of them when absent."),
        optional("reconciliation_id", Id, "Only this run."),
        optional("from", Instant, "Only aggregates with an event in this range; with to."),
        optional("to", Instant, "Not included."),
    ],
};

const STARTED_REBUILD: Shape = Shape {
    name: "StartedRebuild",
    about: "",
    fields: &[
        required("projection", OneOf(NAMES), ""),
        required("rebuild", Object(&REBUILD), ""),
        required("resumed", crate::shape::Kind::Boolean, "It was under way already."),
    ],
};

pub const REBUILDS: Shape =
    Shape { name: "StartedRebuilds", about: "", fields: &[required("rebuilds", List(&Object(&STARTED_REBUILD)), "")] };

pub const UNPARK: Shape = Shape {
    name: "UnparkProjection",
    about: "",
    fields: &[required("projection", OneOf(NAMES), ""), required("aggregate_id", Id, "")],
};

pub const UNPARKED: Shape = Shape {
    name: "Unparked",
    about: "It is pulled in a moment; GET /admin/projections/comparison shows what became of it.",
    fields: &[
        required("projection", OneOf(NAMES), ""),
        required("tenant_id", Id, ""),
        required("aggregate_id", Id, ""),
    ],
};
