//! Lists in pages: where the next one is, by the `Link` header of RFC 8288 or GitLab's `X-Next-Page`.

use crate::http::{Answer, link};

/// The query of the page after this one; none after the last.
///
/// Only the query is taken: all pages are at the path that was asked for first, so that no answer can lead elsewhere.
pub fn next_query(answer: &Answer, query: &str) -> Option<String> {
    let linked = answer.all("link").find_map(|header| link(header, "next"));
    if let Some(link) = linked {
        let query = link.split_once('?').map_or("", |(_, query)| query);
        return Some(query.split('#').next().unwrap_or_default().to_owned());
    }
    let page =
        answer.header("x-next-page").filter(|page| !page.is_empty() && page.bytes().all(|b| b.is_ascii_digit()))?;
    let kept = query.split('&').filter(|pair| !pair.is_empty() && !pair.starts_with("page="));
    let own = format!("page={page}");
    Some(kept.chain([own.as_str()]).collect::<Vec<_>>().join("&"))
}

/// The number of the last page, where it is told: by `rel="last"` or GitLab's `X-Total-Pages`.
pub fn last_page(answer: &Answer) -> Option<u64> {
    let total = || answer.header("x-total-pages")?.trim().parse().ok();
    let linked = answer.all("link").find_map(|header| link(header, "last"));
    let number = |link: &str| {
        let query = link.split_once('?').map_or("", |(_, query)| query);
        query.split(['&', '#']).find_map(|pair| pair.strip_prefix("page=")?.parse().ok())
    };
    linked.and_then(number).or_else(total)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn next(name: &str, value: &str) -> Option<String> {
        next_query(&Answer::new(200, vec![(name.into(), value.into())], std::io::empty()), "per_page=2&page=1")
    }

    #[test]
    fn the_last_page_is_found_where_it_is_told() {
        let table = [
            (
                "link",
                r#"<https://a.example/x?page=2&b=1>; rel="next", <https://a.example/x?b=1&page=34>; rel="last""#,
                Some(34),
            ),
            ("link", r#"<https://a.example/x?cursor=2>; rel="next""#, None),
            ("link", r#"<https://a.example/x?per_page=2>; rel="last""#, None),
            ("x-total-pages", "7", Some(7)),
            ("x-total-pages", "", None),
        ];
        for (name, value, expected) in table {
            let answer = Answer::new(200, vec![(name.into(), value.into())], std::io::empty());
            assert_eq!(last_page(&answer), expected, "{value}");
        }
    }

    #[test]
    fn the_next_page_is_found_however_it_is_told() {
        let two = r#"<https://a.example/x?page=1>; rel="prev", <https://a.example/x?page=3&per_page=2>; rel="next""#;
        let keyset = "<https://b.example/y?cursor=a%2Cb&per_page=2>; rel=\"next\"";
        let table = [
            ("link", two, Some("page=3&per_page=2")),
            ("link", keyset, Some("cursor=a%2Cb&per_page=2")),
            ("link", "<https://a.example/x?page=9>; rel=\"last\"", None),
            ("link", "<x>; REL=next", Some("")),
            ("link", "<broken", None),
            ("x-next-page", "2", Some("per_page=2&page=2")),
            ("x-next-page", "", None),
            ("x-next-page", "2&a=b", None),
        ];
        for (name, value, expected) in table {
            assert_eq!(next(name, value).as_deref(), expected, "{value}");
        }
    }
}
