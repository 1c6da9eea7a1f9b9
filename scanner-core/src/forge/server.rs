//! Where a forge's API is, and who we are there.

use super::client::Token;
use super::error::ForgeError;
use super::place::Forge;
use crate::http::is_loopback;

/// Where a forge's API is, and who we are there.
#[derive(Clone, Debug)]
pub struct Server {
    pub(super) forge: Forge,
    /// Without a slash at its end.
    pub(super) base: String,
    /// Sent to this server, and nowhere else.
    pub token: Option<Token>,
}

impl Server {
    /// The forge that everybody knows by this name, without a token.
    pub fn public(forge: Forge) -> Server {
        let base = match forge {
            Forge::Github => "https://api.github.com",
            Forge::Gitlab => "https://gitlab.com/api/v4",
            Forge::Gitea => "https://codeberg.org/api/v1",
            Forge::Bitbucket => "https://api.bitbucket.org/2.0",
            Forge::Azure => "https://dev.azure.com",
        };
        Server { forge, base: base.to_owned(), token: None }
    }

    /// A forge by its address, or its API's: `https://gitlab.example`, `https://github.example/api/v3`. TLS is required
    /// everywhere but on loopback.
    pub fn at(forge: Forge, address: &str) -> Result<Server, ForgeError> {
        let unfit = |reason| ForgeError::Server(format!("the address of {forge} {reason}"));
        let address = address.trim().trim_end_matches('/');
        let (scheme, rest) = address.split_once("://").unwrap_or(("", address));
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-_~:/[]".contains(&byte);
        if host.is_empty() || !rest.bytes().all(is_plain) {
            return Err(unfit("is no address"));
        }
        match scheme {
            "https" => {}
            "http" if is_loopback(host) => {}
            "http" => return Err(unfit("is without TLS, which is for loopback only")),
            _ => return Err(unfit("begins with neither https:// nor http://")),
        }
        let host = host.to_ascii_lowercase();
        let base = match (forge, path) {
            (Forge::Github, "") if host == "github.com" => "https://api.github.com".to_owned(),
            // Enterprises in GitHub's cloud have hosts of their own for the API.
            (Forge::Github, "") if host.starts_with("api.") => format!("{scheme}://{host}"),
            (Forge::Github, "") => format!("{scheme}://{host}/api/v3"),
            (Forge::Gitlab, "") => format!("{scheme}://{host}/api/v4"),
            (Forge::Gitea, "") => format!("{scheme}://{host}/api/v1"),
            (Forge::Bitbucket, "") if host == "bitbucket.org" => "https://api.bitbucket.org/2.0".to_owned(),
            (Forge::Bitbucket, "") => format!("{scheme}://{host}/2.0"),
            (_, path) => format!("{scheme}://{host}{path}"),
        };
        Ok(Server { forge, base, token: None })
    }

    /// The kind of forge it is.
    pub fn forge(&self) -> Forge {
        self.forge
    }

    /// Host and port of the API.
    pub fn host(&self) -> &str {
        let rest = self.base.split_once("://").map_or(self.base.as_str(), |(_, rest)| rest);
        rest.split('/').next().unwrap_or_default()
    }

    /// Whether both are the same API of the same server.
    pub fn has_same_base(&self, other: &Server) -> bool {
        self.base == other.base
    }

    /// Scheme, host and port that repositories are cloned from: `https://github.com`.
    pub fn web(&self) -> String {
        let scheme = self.base.split_once("://").map_or("https", |(scheme, _)| scheme);
        format!("{scheme}://{}", self.shown())
    }

    /// The API's base, without a token: of Azure DevOps repositories are below it, too.
    pub fn place(&self) -> &str {
        &self.base
    }

    /// How reports name the server, which is the host of its clone addresses.
    pub fn shown(&self) -> &str {
        match self.forge {
            Forge::Github | Forge::Bitbucket => self.host().strip_prefix("api.").unwrap_or(self.host()),
            _ => self.host(),
        }
    }

    /// Where a path of the API is. GitHub's GraphQL is beside its REST API, not below it, on a server of one's own.
    pub(super) fn url(&self, path: &str) -> String {
        match path {
            "/graphql" => format!("{}/graphql", self.base.strip_suffix("/v3").unwrap_or(&self.base)),
            path => format!("{}{path}", self.base),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_named_by_its_address_or_its_apis() {
        let table = [
            (Forge::Github, "https://github.com", Some(("https://api.github.com", "github.com"))),
            (Forge::Github, "https://api.github.com/", Some(("https://api.github.com", "github.com"))),
            (Forge::Github, "https://api.own.ghe.com", Some(("https://api.own.ghe.com", "own.ghe.com"))),
            (Forge::Github, "https://G.example", Some(("https://g.example/api/v3", "g.example"))),
            (Forge::Github, "https://g.example/api/v3", Some(("https://g.example/api/v3", "g.example"))),
            (Forge::Gitlab, "https://l.example:8443", Some(("https://l.example:8443/api/v4", "l.example:8443"))),
            (Forge::Gitlab, "https://l.example/git/api/v4/", Some(("https://l.example/git/api/v4", "l.example"))),
            (Forge::Gitlab, "http://127.0.0.1:80", Some(("http://127.0.0.1:80/api/v4", "127.0.0.1:80"))),
            (Forge::Gitea, "https://t.example:3000", Some(("https://t.example:3000/api/v1", "t.example:3000"))),
            (Forge::Bitbucket, "https://bitbucket.org", Some(("https://api.bitbucket.org/2.0", "bitbucket.org"))),
            (Forge::Azure, "https://a.example/tfs", Some(("https://a.example/tfs", "a.example"))),
            (Forge::Gitlab, "http://l.example", None),
            (Forge::Gitlab, "l.example", None),
            (Forge::Gitlab, "https://user@l.example", None),
            (Forge::Gitlab, "https://l.example/?x", None),
            (Forge::Gitlab, "https://", None),
        ];
        for (forge, address, expected) in table {
            let server = Server::at(forge, address).ok();
            let found = server.as_ref().map(|server| (server.base.as_str(), server.shown()));
            assert_eq!(found, expected, "{address}");
        }
    }

    #[test]
    fn graphql_is_beside_the_rest_api() {
        let table = [
            ("https://github.com", "https://api.github.com/graphql"),
            ("https://g.example", "https://g.example/api/graphql"),
        ];
        for (address, url) in table {
            assert_eq!(Server::at(Forge::Github, address).unwrap().url("/graphql"), url);
        }
    }
}
