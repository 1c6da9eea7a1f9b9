//! Which characters the codes of a font are, by its `ToUnicode` map. Fonts are found by the names pages give them; when
//! pages give one name to several fonts, a text is told once with each.

use super::syntax;
use memchr::memmem;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// Fonts of one name that are tried.
const MAX_VARIANTS: usize = 6;
/// Codes of one map.
const MAX_CODES: usize = 1 << 17;

/// Codes of one or two bytes, and their characters.
#[derive(Default, PartialEq)]
pub struct Map {
    width: usize,
    codes: HashMap<u32, String>,
}

/// The fonts of a document.
pub struct Fonts {
    /// Names of fonts, and the objects of their maps.
    by_name: BTreeMap<Vec<u8>, BTreeSet<u32>>,
    maps: BTreeMap<u32, Map>,
}

impl Fonts {
    /// Finds the fonts in the text of all objects.
    pub fn new(objects: &[u8]) -> Fonts {
        let mut map_of_font = HashMap::new();
        let mut from = 0;
        for obj in memmem::find_iter(objects, b" obj") {
            let Some(number) = syntax::number_before_obj(&objects[from..obj + 4]) else { continue };
            let end = memmem::find(&objects[obj..], b"endobj").map_or(objects.len(), |end| obj + end);
            from = obj + 4;
            if let Some(map) = syntax::after_name(&objects[obj..end], b"/ToUnicode").next().and_then(syntax::reference)
            {
                map_of_font.insert(number, map);
            }
        }
        let mut by_name: BTreeMap<Vec<u8>, BTreeSet<u32>> = BTreeMap::new();
        for slash in memchr::memchr_iter(b'/', objects) {
            let after = &objects[slash + 1..];
            let len = after.iter().take(64).position(u8::is_ascii_whitespace).unwrap_or(0);
            let map = syntax::reference(&after[len..]).and_then(|font| map_of_font.get(&font));
            if let (Some(map), 1..) = (map, len) {
                by_name.entry(after[..len].to_vec()).or_default().insert(*map);
            }
        }
        Fonts { by_name, maps: BTreeMap::new() }
    }

    /// Whether an object is a map of a font.
    pub fn is_map_of(&self, object: u32) -> bool {
        self.by_name.values().any(|maps| maps.contains(&object))
    }

    /// Reads the map in an object.
    pub fn add(&mut self, object: u32, content: &[u8]) {
        self.maps.insert(object, Map::parse(content));
    }

    /// Ends the adding: maps that could not be read are none.
    pub fn finish(&mut self) {
        let maps = &self.maps;
        self.by_name.values_mut().for_each(|objects| objects.retain(|object| maps.contains_key(object)));
    }

    /// How many times a text is told.
    pub fn variants(&self) -> usize {
        self.by_name.values().map(BTreeSet::len).max().unwrap_or(1).clamp(1, MAX_VARIANTS)
    }

    /// Whether a page names no font of several maps.
    pub fn is_unused(&self, content: &[u8]) -> bool {
        let mut several = self.by_name.iter().filter(|(_, maps)| maps.len() > 1);
        !several.any(|(name, _)| syntax::has_name(content, &[b"/", name.as_slice()].concat()))
    }

    /// The map of the font that a page calls so.
    pub fn map(&self, name: &[u8], variant: usize) -> Option<&Map> {
        let objects = self.by_name.get(name)?;
        self.maps.get(objects.iter().nth(variant).or(objects.last())?)
    }
}

impl Map {
    /// The characters of a string of codes.
    pub fn read(&self, codes: &[u8], out: &mut Vec<u8>) {
        for code in codes.chunks(self.width.max(1)) {
            let code = code.iter().fold(0, |code, byte| code << 8 | u32::from(*byte));
            if let Some(text) = self.codes.get(&code) {
                out.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn parse(content: &[u8]) -> Map {
        let mut map = Map::default();
        let text = String::from_utf8_lossy(content);
        for (begin, end, columns) in [
            ("begincodespacerange", "endcodespacerange", 0),
            ("beginbfchar", "endbfchar", 2),
            ("beginbfrange", "endbfrange", 3),
        ] {
            for part in text.split(begin).skip(1) {
                let part = part.split(end).next().unwrap_or_default();
                match columns {
                    0 => map.width = tokens(part).first().map_or(1, |token| token.len().div_ceil(2)).clamp(1, 4),
                    2 => {
                        tokens(part).chunks_exact(2).for_each(|pair| map.insert(code(pair[0]), characters(pair[1], 0)))
                    }
                    _ => map.ranges(part),
                }
            }
        }
        map
    }

    /// `<00> <1f> <0041>`, or a list in place of the last.
    fn ranges(&mut self, part: &str) {
        for line in part.lines() {
            let tokens = tokens(line);
            let [first, last, targets @ ..] = tokens.as_slice() else { continue };
            let (first, last) = (code(first), code(last));
            let is_list = line.contains('[');
            for (offset, code) in (first..=last.min(first.saturating_add(0xffff))).enumerate() {
                let target = if is_list {
                    targets.get(offset).map(|target| characters(target, 0))
                } else {
                    targets.first().map(|target| characters(target, offset as u32))
                };
                let Some(target) = target else { break };
                self.insert(code, target);
            }
        }
    }

    fn insert(&mut self, code: u32, text: String) {
        if self.codes.len() < MAX_CODES {
            self.codes.insert(code, text);
        }
    }
}

/// Whether a stream is a map of codes.
pub fn is_map(content: &[u8]) -> bool {
    memmem::find(&content[..content.len().min(4096)], b"begincmap").is_some()
}

fn tokens(text: &str) -> Vec<&str> {
    text.split('<').skip(1).filter_map(|part| part.split('>').next()).map(str::trim).collect()
}

fn code(token: &str) -> u32 {
    u32::from_str_radix(token, 16).unwrap_or(0)
}

/// UTF-16 in hex; `offset` is added to the last character.
fn characters(token: &str, offset: u32) -> String {
    let bytes = syntax::hex(token.as_bytes());
    let units = bytes.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]));
    let mut text: Vec<char> = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if let Some(last) = text.last_mut() {
        *last = char::from_u32((*last as u32).saturating_add(offset)).unwrap_or(char::REPLACEMENT_CHARACTER);
    }
    text.into_iter().collect()
}
