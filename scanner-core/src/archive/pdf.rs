//! A PDF as text: what its pages show, the strings of its objects (form values, links, scripts), and its attachments.
//! The file is read from its beginning to its end, without its table of objects: what was replaced is seen too.

mod filter;
mod font;
mod show;
mod syntax;

use super::limits::Stop;
use super::trouble::Trouble;
use super::walk::Walk;
use filter::Outcome;
use font::Fonts;
use memchr::memmem;
use std::ops::Range;

/// Hands over the texts.
pub fn unpack(walk: &mut Walk<'_, '_>, bytes: &[u8]) -> Result<(), Trouble> {
    let streams = streams(bytes);
    let outside = outside(bytes, &streams);
    let is_encrypted = memmem::find(&outside, b"/Encrypt").is_some()
        || streams.iter().any(|stream| memmem::find(&bytes[stream.dictionary.clone()], b"/Encrypt").is_some());
    if is_encrypted {
        return Err(Trouble::Encrypted("it is encrypted".into()));
    }
    let (objects, mut unread) = objects(walk, bytes, &streams, outside)?;
    let _reserved = walk.budget.reserve(objects.len() as u64)?;
    let fonts = fonts(walk, bytes, &streams, &objects)?;
    walk.text("(objects)", &syntax::readable(&objects))?;
    for stream in &streams {
        let dictionary = &bytes[stream.dictionary.clone()];
        if stream.is(dictionary, &["/ObjStm", "/XRef", "/Image", "/FontFile", "/Type1C", "/CIDFontType0C", "/OpenType"])
            || memmem::find(dictionary, b"/Length1").is_some()
        {
            continue;
        }
        match filter::decode(dictionary, &bytes[stream.content.clone()], walk.budget)? {
            Outcome::Unread => unread += 1,
            Outcome::Picture => {}
            Outcome::Bytes(content) if font::is_map(&content) => {}
            Outcome::Bytes(content) => page(walk, stream.number, &content, &fonts)?,
        }
    }
    match unread {
        0 => Ok(()),
        count => Err(Trouble::Unsupported(
            format!("{count} of its streams are packed in a way that is not read, or too long").into(),
        )),
    }
}

/// Hands over what a stream holds: text that is shown, or bytes that may be an archive.
fn page(walk: &mut Walk<'_, '_>, number: u32, content: &[u8], fonts: &Fonts) -> Result<(), Stop> {
    let name = format!("object {number}");
    if !show::is_shown(content) {
        return walk.entry(name.as_bytes(), &mut &content[..]);
    }
    for variant in 0..fonts.variants() {
        let text = show::text(content, fonts, variant);
        walk.text(&name, &text)?;
        if fonts.is_unused(content) {
            break;
        }
    }
    Ok(())
}

/// A stream and the dictionary before it.
struct Stream {
    number: u32,
    dictionary: Range<usize>,
    content: Range<usize>,
}

impl Stream {
    fn is(&self, dictionary: &[u8], names: &[&str]) -> bool {
        names.iter().any(|name| syntax::has_name(dictionary, name.as_bytes()))
    }
}

fn streams(bytes: &[u8]) -> Vec<Stream> {
    let (mut streams, mut from) = (Vec::new(), 0);
    while let Some(at) = memmem::find(&bytes[from..], b"stream").map(|at| from + at) {
        let after = &bytes[at + 6..];
        let start = match after {
            [b'\r', b'\n', ..] => at + 8,
            [b'\n' | b'\r', ..] => at + 7,
            _ => {
                from = at + 6;
                continue;
            }
        };
        if !bytes[from..at].trim_ascii_end().ends_with(b">>") {
            from = at + 6;
            continue;
        }
        let dictionary = memmem::rfind(&bytes[from..at], b"obj").map_or(from, |obj| from + obj + 3)..at;
        let number = syntax::number_before_obj(&bytes[from..dictionary.start]).unwrap_or(0);
        let declared = syntax::number_of(&bytes[dictionary.clone()], b"/Length").unwrap_or(0) as usize;
        let least = start.saturating_add(declared).min(bytes.len());
        let find = |from: usize| memmem::find(&bytes[from..], b"endstream").map(|at| from + at);
        // A length that lies leads past the end, or into another stream.
        let end = find(least).filter(|end| *end < least + 16).or_else(|| find(start)).unwrap_or(bytes.len());
        streams.push(Stream { number, dictionary, content: start..end });
        from = end;
    }
    streams
}

/// The file without its streams.
fn outside(bytes: &[u8], streams: &[Stream]) -> Vec<u8> {
    let (mut outside, mut at) = (Vec::new(), 0);
    for stream in streams {
        outside.extend_from_slice(&bytes[at..stream.content.start]);
        outside.push(b'\n');
        at = stream.content.end;
    }
    outside.extend_from_slice(&bytes[at..]);
    outside
}

/// The text of all objects: what stands outside streams, and what object streams hold, each with its number; and how many
/// streams were not read.
fn objects(
    walk: &Walk<'_, '_>,
    bytes: &[u8],
    streams: &[Stream],
    mut objects: Vec<u8>,
) -> Result<(Vec<u8>, u64), Trouble> {
    let room = objects.len() + walk.budget.free() as usize / 4;
    let mut unread = 0;
    for stream in streams {
        let dictionary = &bytes[stream.dictionary.clone()];
        if !stream.is(dictionary, &["/ObjStm"]) {
            continue;
        }
        let Outcome::Bytes(content) = filter::decode(dictionary, &bytes[stream.content.clone()], walk.budget)? else {
            unread += 1;
            continue;
        };
        let first = (syntax::number_of(dictionary, b"/First").unwrap_or(0) as usize).min(content.len());
        let numbers: Vec<usize> = syntax::numbers(&content[..first]);
        let starts: Vec<(usize, usize)> =
            numbers.chunks_exact(2).map(|pair| (pair[0], first.saturating_add(pair[1]))).collect();
        for (index, (number, start)) in starts.iter().enumerate() {
            let end = starts.get(index + 1).map_or(content.len(), |(_, end)| *end).min(content.len());
            let object = content.get(*start..end).unwrap_or_default();
            // Places that overlap give the same bytes again and again.
            if objects.len() + object.len() > room {
                unread += 1;
                break;
            }
            objects.extend_from_slice(format!("\n{number} 0 obj\n").as_bytes());
            objects.extend_from_slice(object);
            objects.extend_from_slice(b"\nendobj\n");
        }
    }
    Ok((objects, unread))
}

fn fonts(walk: &Walk<'_, '_>, bytes: &[u8], streams: &[Stream], objects: &[u8]) -> Result<Fonts, Trouble> {
    let mut fonts = Fonts::new(objects);
    for stream in streams.iter().filter(|stream| fonts.is_map_of(stream.number)).collect::<Vec<_>>() {
        let dictionary = &bytes[stream.dictionary.clone()];
        if let Outcome::Bytes(content) = filter::decode(dictionary, &bytes[stream.content.clone()], walk.budget)? {
            fonts.add(stream.number, &content);
        }
    }
    fonts.finish();
    Ok(fonts)
}
