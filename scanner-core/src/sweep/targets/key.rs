//! One name for one repository, however its address is written.

/// Hosts whose names of repositories are the same in any case of letters.
const CASELESS: [&str; 5] = ["github.com", "gitlab.com", "bitbucket.org", "codeberg.org", "dev.azure.com"];

/// The key of a clone address: host and path without scheme, user, the usual port and `.git`. `is_caseless` says that
/// the server knows no case of letters, as forges do; well-known ones are known.
///
/// `https://GitHub.com/Org/Name.git`, `git@github.com:org/name` and `ssh://git@github.com:22/org/name/` are one.
pub fn key_of(address: &str, is_caseless: bool) -> String {
    let (scheme, rest) = match address.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("ssh".to_owned(), address),
    };
    let is_short = !address.contains("://");
    let end = rest.find(['?', '#']).unwrap_or(rest.len());
    let rest = &rest[..end];
    let (host, path) = match (is_short, rest.find([':', '/'])) {
        (true, Some(at)) if rest.as_bytes()[at] == b':' => (&rest[..at], &rest[at + 1..]),
        _ => rest.split_once('/').unwrap_or((rest, "")),
    };
    let host = host.rsplit_once('@').map_or(host, |(_, host)| host).to_ascii_lowercase();
    let usual = match scheme.as_str() {
        "https" => ":443",
        "http" => ":80",
        "ssh" => ":22",
        "git" => ":9418",
        _ => "",
    };
    let host = host.strip_suffix(usual).filter(|host| !host.is_empty()).unwrap_or(&host);
    let path = path.trim_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path).trim_end_matches('/');
    match is_caseless || CASELESS.contains(&host) {
        true => format!("{host}/{}", path.to_ascii_lowercase()),
        false => format!("{host}/{path}"),
    }
}

#[cfg(test)]
mod tests {
    use super::key_of;

    #[test]
    fn one_repository_has_one_key() {
        let table = [
            ("https://github.com/org/name", "github.com/org/name"),
            ("https://GitHub.com/Org/Name.git", "github.com/org/name"),
            ("https://user@github.com:443/org/name.git/", "github.com/org/name"),
            ("git@github.com:org/name.git", "github.com/org/name"),
            ("ssh://git@github.com:22/org/name", "github.com/org/name"),
            ("git://git.example/Org/Name", "git.example/Org/Name"),
            ("https://git.example:8443/a/b/c.git", "git.example:8443/a/b/c"),
            ("git.example:a/b", "git.example/a/b"),
            ("https://git.example/a.git?x#y", "git.example/a"),
            ("https://git.example", "git.example/"),
            ("", "/"),
        ];
        for (address, key) in table {
            assert_eq!(key_of(address, false), key, "{address}");
        }
        assert_eq!(key_of("http://127.0.0.1:80/A/B", true), "127.0.0.1/a/b");
    }
}
