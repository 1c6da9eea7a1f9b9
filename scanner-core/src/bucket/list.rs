//! A page of a list of objects, as ListObjectsV2 and ListObjectVersions answer.

use crate::aws::xml::elements;
use crate::time;

/// An object as a list names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listed {
    /// Its key.
    pub key: String,
    /// Its version, when versions are listed.
    pub version: Option<String>,
    /// Its bytes.
    pub size: Option<u64>,
    /// Seconds since 1970-01-01 UTC.
    pub modified: Option<i64>,
}

/// A page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// Its objects; marks of deletion are none.
    pub objects: Vec<Listed>,
    /// What asks for the next page: fields of the query.
    pub next: Option<Vec<(&'static str, String)>>,
}

impl Page {
    /// Reads an answer. One that is not the last and does not say how to go on is an error.
    pub fn parse(text: &str) -> Result<Page, String> {
        let (mut page, mut listed) = (Page::default(), Listed::default());
        let (mut is_encoded, mut is_cut, mut is_list) = (false, false, false);
        let mut next = Vec::new();
        elements(text, &mut |path, text| {
            let names: Vec<&str> = path.iter().map(String::as_str).collect();
            match names.as_slice() {
                ["ListBucketResult" | "ListVersionsResult"] => is_list = true,
                [_, "EncodingType"] => is_encoded = text == "url",
                [_, "IsTruncated"] => is_cut = text.trim() == "true",
                [_, "NextContinuationToken"] => next.push(("continuation-token", text.to_owned())),
                [_, "NextKeyMarker"] => next.push(("key-marker", text.to_owned())),
                [_, "NextVersionIdMarker"] => next.push(("version-id-marker", text.to_owned())),
                [_, "Contents" | "Version", field] => match *field {
                    "Key" => listed.key = text.to_owned(),
                    "VersionId" => listed.version = Some(text.to_owned()),
                    "Size" => listed.size = text.trim().parse().ok(),
                    "LastModified" => listed.modified = seconds(text.trim()),
                    _ => {}
                },
                [_, "Contents" | "Version"] => page.objects.push(std::mem::take(&mut listed)),
                _ => {}
            }
        })?;
        if !is_list {
            return Err("it is no list of objects".to_owned());
        }
        if is_encoded {
            page.objects.iter_mut().for_each(|object| object.key = decode(&object.key));
            // A continuation token is opaque; a marker is a key.
            let markers = next.iter_mut().filter(|(name, _)| *name == "key-marker");
            markers.for_each(|(_, value)| *value = decode(value));
        }
        page.next = (is_cut && !next.is_empty()).then_some(next);
        match is_cut && page.next.is_none() {
            true => Err("a list that goes on and does not say where".to_owned()),
            false => Ok(page),
        }
    }
}

/// `encoding-type=url`: percent, and `+` for a space.
fn decode(text: &str) -> String {
    let digit = |byte: &u8| char::from(*byte).to_digit(16).map(|digit| digit as u8);
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        match (first, after) {
            (b'+', _) => out.push(b' '),
            (b'%', [high, low, after @ ..]) => match (digit(high), digit(low)) {
                (Some(high), Some(low)) => {
                    out.push(high << 4 | low);
                    rest = after;
                }
                _ => out.push(b'%'),
            },
            (byte, _) => out.push(*byte),
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// `2026-01-31T12:00:00.000Z` as seconds since 1970-01-01 UTC.
pub fn seconds(text: &str) -> Option<i64> {
    let whole = text.strip_suffix('Z')?.split('.').next()?;
    time::parse_rfc3339(&format!("{whole}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_with_their_fractions() {
        for (text, expected) in [
            ("1970-01-01T00:00:00.000Z", Some(0)),
            ("2024-02-29T23:59:59Z", Some(1_709_251_199)),
            ("2026-11-21T09:25:44.000Z", Some(1_795_253_144)),
            ("2026-13-01T00:00:00Z", None),
            ("yesterday", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }

    #[test]
    fn keys_are_decoded_and_pages_followed() {
        let page = "<ListBucketResult xmlns='http://doc.s3.amazonaws.com/2006-03-01'><IsTruncated>true</IsTruncated>\
            <Contents><Key>a+%2B/%25</Key><Size>12</Size><LastModified>2024-02-29T23:59:59.000Z</LastModified>\
            <Owner><ID>x</ID></Owner></Contents><EncodingType>url</EncodingType>\
            <NextContinuationToken>a+b==</NextContinuationToken></ListBucketResult>";
        let name = "a +/%".to_owned();
        let object = Listed { key: name, version: None, size: Some(12), modified: Some(1_709_251_199) };
        let next = Some(vec![("continuation-token", "a+b==".to_owned())]);
        assert_eq!(Page::parse(page), Ok(Page { objects: vec![object], next }));
        let versions = "<ListVersionsResult><Version><Key>a+b</Key><VersionId>null</VersionId></Version>\
            <DeleteMarker><Key>z</Key><VersionId>9</VersionId></DeleteMarker></ListVersionsResult>";
        let object = Listed { key: "a+b".into(), version: Some("null".into()), ..Listed::default() };
        assert_eq!(Page::parse(versions), Ok(Page { objects: vec![object], next: None }));
        let endless = "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>";
        for broken in [endless, "<html></html>", "", "{}"] {
            assert!(Page::parse(broken).is_err(), "{broken}");
        }
    }
}
