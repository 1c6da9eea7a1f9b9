//! Addresses beside an answer: the `Link` header of RFC 8288.

/// The address that one `Link` header gives this relation.
pub fn link<'a>(mut header: &'a str, relation: &str) -> Option<&'a str> {
    loop {
        let (_, rest) = header.split_once('<')?;
        let (address, rest) = rest.split_once('>')?;
        let (parameters, others) = rest.split_at(rest.find(",<").or_else(|| rest.find(", <")).unwrap_or(rest.len()));
        let is_next = |parameter: &str| {
            let (name, value) = parameter.split_once('=').unwrap_or_default();
            let mut kinds = value.trim().trim_matches('"').split(' ');
            name.trim().eq_ignore_ascii_case("rel") && kinds.any(|kind| kind.eq_ignore_ascii_case(relation))
        };
        if parameters.split(';').any(is_next) {
            return Some(address);
        }
        header = others;
    }
}
