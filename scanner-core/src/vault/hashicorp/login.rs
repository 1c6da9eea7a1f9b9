//! Logins: what one has in exchange for a token.

use super::refused;
use crate::http::{Method, encode};
use crate::secret::Secret;
use crate::vault::VaultError;
use crate::vault::talk::{Ask, Talk, Wire, checked, strange};
use serde_json::{Value, json};

/// What one logs in with. Mounts are those of the auth methods, as in `approle`.
#[derive(Clone, Debug)]
pub enum Login {
    /// A token that one has.
    Token(Secret),
    /// <https://openbao.org/api-docs/auth/approle/>
    AppRole {
        /// The auth method's mount.
        mount: String,
        /// Which role.
        role_id: Secret,
        /// Its secret; some roles need none.
        secret_id: Option<Secret>,
    },
    /// A token of an identity provider, of a pipeline's forge or of a Kubernetes service account:
    /// <https://openbao.org/api-docs/auth/jwt/>, <https://openbao.org/api-docs/auth/kubernetes/>
    Jwt {
        /// The auth method's mount: `jwt`, `kubernetes`.
        mount: String,
        /// As which role.
        role: String,
        /// The token.
        jwt: Secret,
    },
}

/// The token that a login gives.
pub(super) fn token(talk: &Talk, login: &Login) -> Result<Secret, VaultError> {
    let (mount, body) = match login {
        Login::Token(token) => return Ok(token.clone()),
        Login::AppRole { mount, role_id, secret_id } => {
            let mut body = json!({ "role_id": text(role_id)? });
            if let Some(secret_id) = secret_id {
                body["secret_id"] = Value::from(text(secret_id)?);
            }
            (mount, body)
        }
        Login::Jwt { mount, role, jwt } => (mount, json!({ "role": role, "jwt": text(jwt)? })),
    };
    let mount = checked(mount.trim_matches('/'))?;
    // A login makes a token, so that it is not repeated; one that got lost ends by itself.
    let ask = Ask::change(Method::Post, format!("/v1/auth/{}/login", encode(mount, true))).json(body);
    let object = format!("the login at auth/{mount}");
    let reply = talk.send(&ask).map_err(|error| match error {
        VaultError::Unanswered(message) => VaultError::Unavailable(message),
        other => other,
    })?;
    match reply.status {
        200..300 => {
            let token = reply.text("/auth/client_token").ok_or_else(|| strange(&object))?;
            Ok(Secret::new(token.as_bytes()))
        }
        // `invalid secret id` and the like.
        400 => Err(VaultError::Denied(refused(talk, &ask, &reply, &object).to_string())),
        _ => Err(refused(talk, &ask, &reply, &object)),
    }
}

fn text(secret: &Secret) -> Result<&str, VaultError> {
    std::str::from_utf8(secret.expose()).map_err(|_| VaultError::Other("a credential is no text".into()))
}

/// The token by which a job of GitHub Actions says who it is; `url` and `bearer` are what the job's environment holds.
/// <https://docs.github.com/actions/reference/security/oidc>
pub fn github_token(wire: Wire, url: &str, bearer: &Secret, audience: Option<&str>) -> Result<Secret, VaultError> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let mut talk = Talk::new(wire, address)?;
    let bearer = zeroize::Zeroizing::new([b"Bearer ", bearer.expose()].concat());
    talk.set_header("Authorization", Secret::new(&bearer));
    let audience = audience.map(|audience| format!("&audience={}", encode(audience, false))).unwrap_or_default();
    let ask = Ask::get(format!("?{query}{audience}"));
    let reply = talk.send(&ask)?;
    let object = "the token of this job";
    match reply.status {
        200..300 => reply.text("/value").map(|value| Secret::new(value.as_bytes())).ok_or_else(|| strange(object)),
        status => Err(talk.refusal(&ask, status, "", object)),
    }
}
