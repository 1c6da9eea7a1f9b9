//! The few elements of an answer's XML, by name and depth, whatever its namespace: stores differ in it.

use quick_xml::Reader;
use quick_xml::events::Event;

/// Deeper answers are no answers of a store.
const MAX_DEPTH: usize = 16;

/// Tells `each` of every element that holds text, or ends: its path from the root, by local names, and its text.
pub fn elements(text: &str, each: &mut dyn FnMut(&[String], &str)) -> Result<(), String> {
    let mut reader = Reader::from_str(text);
    let mut path: Vec<String> = Vec::new();
    let mut content = String::new();
    loop {
        match reader.read_event().map_err(|error| format!("no XML: {error}"))? {
            Event::Start(start) => {
                content.clear();
                path.push(start.local_name().as_ref().to_owned());
                if path.len() > MAX_DEPTH {
                    return Err("XML nested too deep".to_owned());
                }
            }
            Event::Empty(empty) => {
                path.push(empty.local_name().as_ref().to_owned());
                each(&path, "");
                path.pop();
            }
            Event::Text(text) => content.push_str(&text.xml10_content()),
            Event::CData(text) => content.push_str(&text.xml10_content()),
            Event::GeneralRef(reference) => content.push_str(&resolved(&reference)?),
            Event::End(_) => {
                each(&path, &content);
                content.clear();
                path.pop();
            }
            Event::Eof if path.is_empty() => return Ok(()),
            Event::Eof => return Err("XML that breaks off".to_owned()),
            _ => {}
        }
    }
}

fn resolved(reference: &quick_xml::events::BytesRef<'_>) -> Result<String, String> {
    let unknown = || "XML with an entity of its own".to_owned();
    if let Some(character) = reference.resolve_char_ref().map_err(|_| unknown())? {
        return Ok(character.to_string());
    }
    quick_xml::escape::resolve_predefined_entity(reference).map(str::to_owned).ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_told_with_their_text() {
        let mut seen = Vec::new();
        let text = "<?xml version='1.0'?>\n<a:R xmlns:a='x'>\n <K>a &amp; b&#x41;&lt;</K><E/><L><K><![CDATA[c<d]]></K></L></a:R>";
        elements(text, &mut |path, text| seen.push(format!("{} {}", path.join("/"), text.trim()))).unwrap();
        assert_eq!(seen, ["R/K a & bA<", "R/E ", "R/L/K c<d", "R/L ", "R "]);
        for broken in ["<R><K>", "<R>&own;</R>", "<R></K>", &"<a>".repeat(99)] {
            assert!(elements(broken, &mut |_, _| ()).is_err(), "{broken}");
        }
    }
}
