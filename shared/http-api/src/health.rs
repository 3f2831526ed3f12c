//! How the service is, as `doctor` reads it.

use crate::shape::{
    Kind::{Instant, Integer, List, Object, OneOf, Text},
    Shape, required,
};

pub const STATUSES: &[&str] = &["ok", "trouble"];

const CHECK: Shape = Shape {
    name: "HealthCheck",
    about: "",
    fields: &[
        required("name", OneOf(&["event_store", "projections", "sagas", "circuits", "dead_letters"]), ""),
        required("status", OneOf(STATUSES), ""),
        required("count", Integer, "What is wrong, counted; at most as many as one look shows."),
        required("detail", Text(500), "A sentence."),
        required("items", List(&Text(300)), "The first of them by name."),
    ],
};

pub const HEALTH: Shape = Shape {
    name: "StackHealth",
    about: "",
    fields: &[
        required("status", OneOf(STATUSES), "Trouble when any check says so."),
        required("checks", List(&Object(&CHECK)), ""),
        required("as_of", Instant, ""),
    ],
};
