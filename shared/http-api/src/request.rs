//! A request as API Gateway hands it over (HTTP API, payload format 2.0): only what we read, and nothing that is shown.

use crate::problem::Problem;
use base64::{Engine, engine::general_purpose::STANDARD};
use domain::ids::InvalidId;
use serde::{Deserialize, Deserializer, de::DeserializeOwned};
use serde_json::Value;
use std::{borrow::Cow, collections::BTreeMap, fmt};

/// The route key of what no other route takes.
pub const DEFAULT_ROUTE: &str = "$default";

#[derive(Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Request {
    /// `GET /v1/jobs/{id}`, or `$default`.
    pub route_key: String,
    #[serde(default)]
    pub raw_path: String,
    #[serde(default, deserialize_with = "nullable")]
    headers: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    query_string_parameters: BTreeMap<String, String>,
    #[serde(default, deserialize_with = "nullable")]
    path_parameters: BTreeMap<String, String>,
    #[serde(default)]
    request_context: Context,
    #[serde(default)]
    body: Option<String>,
    #[serde(default)]
    is_base64_encoded: bool,
}

#[derive(Clone, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Context {
    #[serde(default)]
    request_id: String,
    #[serde(default, deserialize_with = "nullable")]
    authorizer: Authorized,
}

#[derive(Clone, Default, Deserialize)]
struct Authorized {
    #[serde(default, deserialize_with = "nullable")]
    lambda: BTreeMap<String, Value>,
    /// Of a token, where the gateway checks tokens instead of our keys.
    #[serde(default, deserialize_with = "nullable")]
    jwt: Token,
}

#[derive(Clone, Default, Deserialize)]
struct Token {
    #[serde(default, deserialize_with = "nullable")]
    claims: BTreeMap<String, Value>,
}

impl Token {
    /// What our authorizer would say of a key, out of a token's claims: `sub`, the tenant (`tenant_id`, or Cognito's
    /// `custom:tenant_id`) and `scope`, whose entries may carry their resource server's name (`settler/read`).
    fn as_key(&self) -> BTreeMap<String, Value> {
        let claim = |names: &[&str]| {
            let found = names.iter().find_map(|name| self.claims.get(*name)?.as_str());
            found.filter(|text| !text.is_empty())
        };
        let scopes = claim(&["scope"]).unwrap_or_default();
        let scopes: Vec<&str> =
            scopes.split_whitespace().map(|scope| scope.rsplit('/').next().unwrap_or(scope)).collect();
        let values = [
            ("key_id", claim(&["sub"]).map(str::to_owned)),
            ("tenant_id", claim(&["tenant_id", "custom:tenant_id"]).map(str::to_owned)),
            ("scopes", Some(scopes.join(" "))),
        ];
        values.into_iter().filter_map(|(name, value)| Some((name.to_owned(), Value::from(value?)))).collect()
    }
}

fn nullable<'de, D: Deserializer<'de>, T: DeserializeOwned + Default>(deserializer: D) -> Result<T, D::Error> {
    Ok(Option::<T>::deserialize(deserializer)?.unwrap_or_default())
}

/// Bodies hold credentials and headers hold keys: neither is ever printed.
impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("route_key", &self.route_key)
            .field("raw_path", &self.raw_path)
            .finish_non_exhaustive()
    }
}

impl Request {
    /// # Errors
    /// Not an HTTP API event; the message names what is missing and shows no value.
    pub fn read(event: Value) -> Result<Self, Problem> {
        let mut request: Self = serde_json::from_value(event)
            .map_err(|_| Problem::internal("the event is not an HTTP API request of payload format 2.0"))?;
        let authorizer = &mut request.request_context.authorizer;
        if authorizer.lambda.is_empty() && !authorizer.jwt.claims.is_empty() {
            authorizer.lambda = authorizer.jwt.as_key();
        }
        Ok(request)
    }

    #[must_use]
    pub fn request_id(&self) -> &str {
        &self.request_context.request_id
    }

    /// A value that the authorizer gave.
    #[must_use]
    pub fn authorized(&self, name: &str) -> Option<&str> {
        self.request_context.authorizer.lambda.get(name).and_then(Value::as_str).filter(|text| !text.is_empty())
    }

    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let named = |(key, _): &(&String, &String)| key.eq_ignore_ascii_case(name);
        self.headers.iter().find(named).map(|(_, value)| value.as_str())
    }

    /// All of the query, by name.
    #[must_use]
    pub fn queries(&self) -> &BTreeMap<String, String> {
        &self.query_string_parameters
    }

    #[must_use]
    pub fn query(&self, name: &str) -> Option<&str> {
        self.query_string_parameters.get(name).map(String::as_str)
    }

    #[must_use]
    pub fn path(&self, name: &str) -> &str {
        self.path_parameters.get(name).map_or("", String::as_str)
    }

    /// An id in the path of a read: one that cannot exist does not exist.
    ///
    /// # Errors
    /// 404.
    pub fn known_id<T: TryFrom<String, Error = InvalidId>>(&self, name: &str) -> Result<T, Problem> {
        T::try_from(self.path(name).to_owned()).map_err(|_| Problem::not_found("there is nothing with this id"))
    }

    /// An id in the path of a write.
    ///
    /// # Errors
    /// 400 with what an id looks like.
    pub fn new_id<T: TryFrom<String, Error = InvalidId>>(&self, name: &str) -> Result<T, Problem> {
        T::try_from(self.path(name).to_owned())
            .map_err(|error| Problem::parameter(&format!("path:{name}"), error.to_string()))
    }

    /// A parameter of the query, parsed.
    ///
    /// # Errors
    /// 400 naming the parameter.
    pub fn parsed<T>(
        &self,
        name: &str,
        expected: &str,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Result<Option<T>, Problem> {
        let Some(text) = self.query(name) else { return Ok(None) };
        parse(text).map(Some).ok_or_else(|| Problem::parameter(&format!("query:{name}"), format!("must be {expected}")))
    }

    /// The body's bytes; none when there is none.
    pub(crate) fn bytes(&self) -> Result<Cow<'_, [u8]>, Problem> {
        let text = self.body.as_deref().unwrap_or_default();
        if !self.is_base64_encoded {
            return Ok(Cow::Borrowed(text.as_bytes()));
        }
        STANDARD.decode(text).map(Cow::Owned).map_err(|_| Problem::malformed("the body is not what it says it is"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn nulls_and_absences_are_the_same() {
        let request = Request::read(json!({"routeKey": "$default", "headers": null, "pathParameters": null, "requestContext": {"authorizer": null}})).unwrap();
        assert_eq!((request.query("limit"), request.path("id"), request.authorized("tenant_id")), (None, "", None));
        assert!(Request::read(json!({"Records": []})).is_err());
    }

    #[test]
    fn a_request_shows_neither_key_nor_body() {
        let request = Request::read(
            json!({"routeKey": "PUT /x", "headers": {"Authorization": "Bearer sk_secret"}, "body": "sk_secret"}),
        )
        .unwrap();
        assert_eq!(request.header("authorization"), Some("Bearer sk_secret"));
        assert!(!format!("{request:?}").contains("sk_secret"));
    }
}
