//! What went wrong, as RFC 9457 `application/problem+json`: one mapping from the error registry to HTTP.
//!
//! **Invariant:** the outside text and the inside text are different fields, and only the first leaves.

use crate::{request::Request, response::Response};
use application::{CommandError, FieldError};
use domain::{Decline, ErrorName, ports::PortError};
use event_store::{AppendError, StoreError};
use serde_json::{Value, json};

/// Errors shown at once; more would only repeat themselves.
pub const MAX_FIELD_ERRORS: usize = 50;

/// What is wrong with a field as such. Any other code of a field error means that the field is well formed but does
/// not fit the state of things, which is 422 instead of 400.
pub const SHAPE_CODES: &[&str] = &["missing", "wrong_type", "invalid", "unknown_field", "too_long", "unknown_adapter"];

/// A body above the limit: HTTP's own business, so not in the error registry.
pub const BODY_TOO_LARGE: &str = "body_too_large";
/// An operator's id that several tenants have.
pub const AMBIGUOUS_ID: &str = "ambiguous_id";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    pub status: u16,
    pub code: String,
    pub detail: String,
    pub errors: Vec<FieldError>,
    /// More members, such as the owners of an ambiguous id.
    pub extensions: Vec<(&'static str, Value)>,
    /// For the log only.
    inside: Option<Box<str>>,
}

/// Both values, or everything that is wrong with either: a client mends all of it at once.
///
/// # Errors
/// The wrong fields of both; a problem that is not about fields goes first.
pub fn both<A, B>(left: Result<A, Problem>, right: Result<B, Problem>) -> Result<(A, B), Problem> {
    match (left, right) {
        (Ok(left), Ok(right)) => Ok((left, right)),
        (Err(left), Err(right)) if !left.errors.is_empty() && !right.errors.is_empty() => {
            Err(Problem::fields(left.errors.into_iter().chain(right.errors).collect()))
        }
        (Err(problem), Err(other)) if other.errors.is_empty() && !problem.errors.is_empty() => Err(other),
        (Err(problem), _) | (_, Err(problem)) => Err(problem),
    }
}

/// HTTP's status for a name. Names of a run's failure reach a client inside a summary, not as a status; their rows are
/// here because the mapping is total.
#[must_use]
pub const fn status_of(name: ErrorName) -> u16 {
    use ErrorName as E;
    match name {
        E::InvalidInput => 400,
        E::NotAllowed => 403,
        E::NotFound => 404,
        E::Conflict
        | E::Superseded
        | E::Cancelled
        | E::Killed
        | E::OnHold
        | E::StagedDataExpired
        | E::StagedDataLost => 409,
        E::StaleVersion => 412,
        E::IdempotencyKeyReused | E::CredentialsMissing => 422,
        E::ConservationBroken | E::CorruptStream | E::Internal => 500,
        E::ProviderAccessDenied | E::ProviderRejected | E::ProviderMalformed => 502,
        E::Transient
        | E::ProviderUnavailable
        | E::ProviderThrottled
        | E::CircuitOpen
        | E::ConsumerCrashed
        | E::StepTimedOut
        | E::StepCrashed => 503,
    }
}

impl Problem {
    #[must_use]
    pub fn of(name: ErrorName, detail: impl Into<String>) -> Self {
        Self {
            status: status_of(name),
            code: name.code(),
            detail: detail.into(),
            errors: Vec::new(),
            extensions: Vec::new(),
            inside: None,
        }
    }

    #[must_use]
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::of(ErrorName::NotFound, detail)
    }

    #[must_use]
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::of(ErrorName::InvalidInput, detail)
    }

    #[must_use]
    pub fn not_allowed(detail: impl Into<String>) -> Self {
        Self::of(ErrorName::NotAllowed, detail)
    }

    #[must_use]
    pub fn too_large(limit_bytes: usize) -> Self {
        let detail = format!("the body is larger than {limit_bytes} bytes");
        Self { status: 413, code: BODY_TOO_LARGE.to_owned(), ..Self::malformed(detail) }
    }

    /// A defect or damage of ours: `inside` is logged, the client gets the request id.
    #[must_use]
    pub fn internal(inside: impl Into<String>) -> Self {
        let outside = "something went wrong on our side; the request_id finds it in our logs";
        Self { inside: Some(inside.into().into_boxed_str()), ..Self::of(ErrorName::Internal, outside) }
    }

    #[must_use]
    pub fn busy(inside: impl Into<String>) -> Self {
        Self {
            inside: Some(inside.into().into_boxed_str()),
            ..Self::of(ErrorName::Transient, "we are busy at the moment; send the same request again")
        }
    }

    /// A wrong parameter outside the body: `query:limit`, `header:If-Match`, `path:id`.
    #[must_use]
    pub fn parameter(pointer: &str, detail: impl Into<String>) -> Self {
        Self::fields(vec![FieldError { pointer: pointer.to_owned(), code: "invalid", detail: detail.into() }])
    }

    /// All wrong fields at once.
    #[must_use]
    pub fn fields(errors: Vec<FieldError>) -> Self {
        let shape = errors.iter().any(|error| SHAPE_CODES.contains(&error.code));
        let detail = match errors.as_slice() {
            [only] => format!("{}: {}", if only.pointer.is_empty() { "the body" } else { &only.pointer }, only.detail),
            several => format!("{} fields are wrong; `errors` says which", several.len()),
        };
        let problem = Self::malformed(detail);
        Self {
            status: if shape { 400 } else { 422 },
            errors: errors.into_iter().take(MAX_FIELD_ERRORS).collect(),
            ..problem
        }
    }

    #[must_use]
    pub fn ambiguous(owners: &[String]) -> Self {
        let detail = "several tenants have this id; name one with ?tenant_id=";
        let extensions = vec![("tenant_ids", json!(owners))];
        Self { code: AMBIGUOUS_ID.to_owned(), extensions, ..Self::of(ErrorName::Conflict, detail) }
    }

    /// Logs what is ours to mend, once, and writes what the client may know.
    #[must_use]
    pub fn respond(self, request: Option<&Request>) -> Response {
        let request_id = request.map_or("", Request::request_id);
        let route = request.map_or("", |request| request.route_key.as_str());
        if let Some(inside) = &self.inside {
            tracing::error!(request_id, route, code = %self.code, cause = %inside, "request failed");
        }
        let errors: Vec<Value> = self
            .errors
            .iter()
            .map(|error| json!({"pointer": error.pointer, "code": error.code, "detail": error.detail}))
            .collect();
        let mut body = json!({
            "type": format!("urn:settler:problem:{}", self.code),
            "title": title(self.status),
            "status": self.status,
            "detail": self.detail,
            "instance": request.map_or("", |request| request.raw_path.as_str()),
            "code": self.code,
            "request_id": request_id,
            "errors": errors,
        });
        for (name, value) in self.extensions {
            body[name] = value;
        }
        let response = Response::text(self.status, "application/problem+json", body.to_string());
        if self.status == 503 { response.with("retry-after", "1") } else { response }
    }
}

const fn title(status: u16) -> &'static str {
    match status {
        400 => "The request is malformed",
        403 => "Not allowed",
        404 => "Not found",
        409 => "Conflict with the present state",
        412 => "The version is stale",
        413 => "The body is too large",
        422 => "The request cannot be carried out",
        502 => "A provider refused",
        503 => "Busy",
        _ => "Internal error",
    }
}

impl From<Decline> for Problem {
    fn from(decline: Decline) -> Self {
        Self::of(decline.name, decline.message)
    }
}

impl From<CommandError> for Problem {
    fn from(error: CommandError) -> Self {
        match error {
            CommandError::Declined(decline) => decline.into(),
            CommandError::Fields(errors) => Self::fields(errors),
            CommandError::Transient(inside) => Self::busy(inside),
            CommandError::Internal(inside) => Self::internal(inside),
        }
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        CommandError::from(error).into()
    }
}

impl From<AppendError> for Problem {
    fn from(error: AppendError) -> Self {
        CommandError::from(error).into()
    }
}

impl From<PortError> for Problem {
    fn from(error: PortError) -> Self {
        CommandError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: &'static str) -> FieldError {
        FieldError { pointer: "/x".into(), code, detail: "is wrong".into() }
    }

    #[test]
    fn every_name_of_the_registry_has_a_status_and_a_title() {
        for name in ErrorName::ALL {
            let problem = Problem::of(*name, "why").respond(None);
            let body: Value = serde_json::from_str(&problem.body.unwrap()).unwrap();
            assert_eq!(body["code"], name.code());
            assert_eq!(body["status"], problem.status_code);
            assert!(problem.status_code == 500 || body["title"] != "Internal error", "{name}");
        }
    }

    #[test]
    fn a_wrong_shape_is_400_and_a_wrong_meaning_422() {
        assert_eq!(Problem::fields(vec![error("missing"), error("not_the_jobs_adapter")]).status, 400);
        assert_eq!(Problem::fields(vec![error("not_the_jobs_adapter")]).status, 422);
        let many = Problem::fields(vec![error("missing"); 80]);
        assert_eq!(many.errors.len(), MAX_FIELD_ERRORS);
    }

    #[test]
    fn what_is_wrong_in_two_places_is_said_at_once() {
        let wrong = |pointer: &str| Err::<(), _>(Problem::parameter(pointer, "is wrong"));
        let pointers = |problem: Problem| problem.errors.into_iter().map(|error| error.pointer).collect::<Vec<_>>();
        assert_eq!(pointers(both(wrong("/a"), wrong("header:b")).unwrap_err()), ["/a", "header:b"]);
        assert_eq!(pointers(both(wrong("/a"), Ok(())).unwrap_err()), ["/a"]);
        assert_eq!(pointers(both(Ok(()), wrong("header:b")).unwrap_err()), ["header:b"]);
        let forbidden = || Err::<(), _>(Problem::not_allowed("no"));
        assert_eq!(both(wrong("/a"), forbidden()).unwrap_err().status, 403);
        assert_eq!(both(forbidden(), wrong("/a")).unwrap_err().status, 403);
        assert_eq!(both(Ok(1), Ok(2)).unwrap(), (1, 2));
    }

    #[test]
    fn nothing_internal_leaves() {
        let problem = Problem::from(CommandError::Internal("table arn:aws:x".into()));
        assert!(!problem.respond(None).body.unwrap().contains("arn"));
        let busy = Problem::from(StoreError::Busy("secret host".into())).respond(None);
        assert_eq!(busy.status_code, 503);
        assert!(!busy.body.unwrap().contains("secret"));
    }
}
