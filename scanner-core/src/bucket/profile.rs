//! A profile of the files `credentials` and `config`:
//! <https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-files.html>. What the files are is the caller's to say.

use crate::aws::Keys;
use crate::secret::Secret;
use std::collections::BTreeMap;

/// What a profile says.
#[derive(Clone, Debug, Default)]
pub struct Profile {
    /// Its keys.
    pub keys: Option<Keys>,
    /// Its region.
    pub region: Option<String>,
    /// Its store.
    pub endpoint: Option<String>,
}

/// A profile that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    /// Neither file has it.
    #[error("there is no profile {0}")]
    Missing(String),
    /// It has no keys, but a way to get some.
    #[error("profile {profile} gets its keys by {way}, which is not supported")]
    Unsupported {
        /// The profile.
        profile: String,
        /// The setting.
        way: &'static str,
    },
    /// An id without its secret, or the other way round.
    #[error("profile {0} has one half of a key")]
    Half(String),
}

/// Ways to keys that are not gone.
const WAYS: [&str; 5] = ["sso_session", "sso_start_url", "role_arn", "credential_process", "web_identity_token_file"];

type Settings = BTreeMap<String, String>;

/// The profile `name` of the two files' texts. `default` need not be there.
pub fn profile(credentials: &str, config: &str, name: &str) -> Result<Profile, ProfileError> {
    let first = section(credentials, &[name.to_owned()]);
    let wanted = match name {
        "default" => vec!["default".to_owned(), "profile default".to_owned()],
        name => vec![format!("profile {name}")],
    };
    let second = section(config, &wanted);
    if first.is_none() && second.is_none() && name != "default" {
        return Err(ProfileError::Missing(name.to_owned()));
    }
    let (first, second) = (first.unwrap_or_default(), second.unwrap_or_default());
    let services = second.get("services").and_then(|services| section(config, &[format!("services {services}")]));
    let get = |key: &str| first.get(key).or_else(|| second.get(key)).filter(|value| !value.is_empty()).cloned();
    let of_service = services.and_then(|services| services.get("s3.endpoint_url").cloned());
    let keys = match (keys(&first), keys(&second)) {
        (Ok(None), other) => other,
        (own, _) => own,
    };
    let keys = keys.map_err(|()| ProfileError::Half(name.to_owned()))?;
    if keys.is_none() {
        let way = WAYS.into_iter().find(|way| get(way).is_some());
        if let Some(way) = way {
            return Err(ProfileError::Unsupported { profile: name.to_owned(), way });
        }
    }
    Ok(Profile { keys, region: get("region"), endpoint: of_service.or_else(|| get("endpoint_url")) })
}

/// The keys of one file: parts of two files do not belong together.
fn keys(settings: &Settings) -> Result<Option<Keys>, ()> {
    let get = |key: &str| settings.get(key).filter(|value| !value.is_empty());
    match (get("aws_access_key_id"), get("aws_secret_access_key")) {
        (Some(id), Some(secret)) => {
            let token = get("aws_session_token").map(|token| Secret::new(token.as_bytes()));
            Ok(Some(Keys { id: id.clone(), secret: Secret::new(secret.as_bytes()), token }))
        }
        (None, None) => Ok(None),
        _ => Err(()),
    }
}

/// The settings of the first section with one of the names; those that are indented under another are `outer.inner`.
fn section(text: &str, names: &[String]) -> Option<Settings> {
    let mut found: Option<Settings> = None;
    let (mut is_inside, mut outer) = (false, String::new());
    for line in text.lines() {
        let is_indented = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(header) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            let header = header.split_whitespace().collect::<Vec<_>>().join(" ").replace('"', "");
            is_inside = names.contains(&header);
            if is_inside {
                found.get_or_insert_default();
            }
            continue;
        }
        let (Some((key, value)), true) = (line.split_once('='), is_inside) else { continue };
        let (key, value) = (key.trim().to_ascii_lowercase(), value.split(" #").next().unwrap_or_default().trim());
        let key = match is_indented {
            true => format!("{outer}.{key}"),
            false => {
                outer.clone_from(&key);
                key
            }
        };
        found.get_or_insert_default().insert(key, value.to_owned());
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONFIG: &str = "[default]\nregion = eu-west-1\n\n[profile dev]\nregion=us-west-2 # there\nservices = own\n\
        endpoint_url = https://all.example\n[services own]\ns3 =\n  endpoint_url = http://localhost:9000\nec2 =\n  endpoint_url = http://x\n\
        [profile sso]\nsso_session = corp\n[profile half]\naws_access_key_id = a\n[profile  \"quoted\" ]\nregion = r\n";
    const CREDENTIALS: &str = "; mine\n[default]\naws_access_key_id = id\naws_secret_access_key = word=\n[dev]\n\
        AWS_ACCESS_KEY_ID=dev\naws_secret_access_key=x\naws_session_token=t\n";

    #[test]
    fn profiles_are_read_from_both_files() {
        let one = |name: &str| profile(CREDENTIALS, CONFIG, name);
        let default = one("default").unwrap();
        let keys = default.keys.unwrap();
        assert_eq!((keys.id.as_str(), keys.secret.expose(), keys.token.is_none()), ("id", &b"word="[..], true));
        assert_eq!(default.region.as_deref(), Some("eu-west-1"));
        let dev = one("dev").unwrap();
        assert_eq!(dev.endpoint.as_deref(), Some("http://localhost:9000"));
        assert_eq!((dev.region.as_deref(), dev.keys.unwrap().token.is_some()), (Some("us-west-2"), true));
        assert_eq!(one("quoted").unwrap().region.as_deref(), Some("r"));
        assert!(profile("", "", "default").unwrap().keys.is_none());
        assert_eq!(one("gone").unwrap_err(), ProfileError::Missing("gone".into()));
        assert_eq!(one("half").unwrap_err(), ProfileError::Half("half".into()));
        assert_eq!(one("sso").unwrap_err(), ProfileError::Unsupported { profile: "sso".into(), way: "sso_session" });
    }
}
