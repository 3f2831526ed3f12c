//! HTTP as every function speaks it: requests, answers, problems, shapes of bodies, pages, and the OpenAPI document.
//!
//! **Invariants:** a body is read by the same table that documents it ([`shape`]); a problem is made from an
//! [`domain::ErrorName`] in one place ([`problem`]); a tenant comes from the key alone ([`access`]).
//!
//! Nothing here knows AWS: what API Gateway sends and expects (payload format 2.0) is plain JSON.

pub mod access;
pub mod audit;
pub mod body;
pub mod commands;
pub mod conditional;
pub mod dry_run;
pub mod health;
pub mod held;
pub mod items;
pub mod keys;
pub mod openapi;
pub mod operations;
pub mod page;
pub mod problem;
mod projection_shapes;
pub mod remembered;
pub mod request;
pub mod response;
pub mod routes;
pub mod shape;
pub mod shapes;
pub mod steering;

pub use access::{Access, Scope, caller};
pub use page::{Cursor, Page};
pub use problem::Problem;
pub use request::Request;
pub use response::{Response, close, open};
