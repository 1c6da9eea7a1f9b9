//! A zip read from its beginning to its end, by the local headers: as far as sizes are known, or streams end by themselves.

use super::super::inflate::Inflate;
use super::super::reader::{Metered, buffered, bytes, exactly, fill, skip};
use super::super::trouble::Trouble;
use super::super::walk::Walk;
use super::{Encrypted, HAS_DESCRIPTOR, IS_ENCRYPTED, Member, decoder, half, large, word};
use std::io::{BufReader, Read};

/// Hands over every file that can be reached.
pub fn unpack_stream(walk: &mut Walk<'_, '_>, source: &mut dyn Read) -> Result<(), Trouble> {
    let mut source = buffered(source, u64::MAX);
    let mut encrypted = Encrypted::default();
    let outcome = members(walk, &mut source, &mut encrypted);
    encrypted.report(walk);
    outcome
}

fn members(
    walk: &mut Walk<'_, '_>,
    source: &mut BufReader<&mut dyn Read>,
    encrypted: &mut Encrypted,
) -> Result<(), Trouble> {
    loop {
        let mut mark = [0; 4];
        if fill(source, &mut mark)? < 4 {
            return Err(Trouble::CUT_SHORT);
        }
        match &mark {
            b"PK\x03\x04" => {}
            // The mark of a part of a split zip, before its first member.
            b"PK\x07\x08" | b"PK00" => continue,
            // The directory: every member was seen.
            b"PK\x01\x02" | b"PK\x05\x06" | b"PK\x06\x06" | b"PK\x06\x08" => return Ok(()),
            _ => return Err(Trouble::damaged("a member does not begin where it should")),
        }
        let (member, is_large) = local(source)?;
        if member.flags & IS_ENCRYPTED != 0 {
            encrypted.add(&member.name);
            walk.budget.enter()?;
            if member.flags & HAS_DESCRIPTOR != 0 && member.compressed == 0 {
                return Err(Trouble::damaged("an encrypted member of unknown size hides what follows"));
            }
            skip(source, member.compressed)?;
        } else {
            content(walk, source, &member)?;
        }
        if member.flags & HAS_DESCRIPTOR != 0 {
            descriptor(source, is_large)?;
        }
    }
}

fn content(walk: &mut Walk<'_, '_>, source: &mut BufReader<&mut dyn Read>, member: &Member) -> Result<(), Trouble> {
    let is_open = member.flags & HAS_DESCRIPTOR != 0 && member.compressed == 0;
    if is_open && member.method == 0 && member.name.ends_with(b"/") {
        return Ok(());
    }
    if is_open {
        if member.method != 8 {
            return Err(Trouble::Unsupported(
                "a member's size stands behind it, and only deflate ends by itself: what follows was not read".into(),
            ));
        }
        let mut inflate = Metered::new(Inflate::raw(source), walk.budget);
        walk.entry(&member.name, &mut inflate)?;
        // What the scan did not want is passed over.
        std::io::copy(&mut inflate, &mut std::io::sink())?;
        return Ok(());
    }
    let mut stretch = source.take(member.compressed);
    match decoder(member, Box::new(&mut stretch), walk.budget) {
        Ok(mut decoder) => walk.entry(&member.name, &mut decoder)?,
        Err(trouble) => walk.warn(&member.name, trouble)?,
    }
    let unread = stretch.limit();
    skip(source, unread)
}

fn local(source: &mut dyn Read) -> Result<(Member, bool), Trouble> {
    let header: [u8; 26] = exactly(source)?;
    let mut member = Member {
        name: bytes(source, u64::from(half(&header, 22)))?,
        flags: half(&header, 2),
        method: half(&header, 4),
        compressed: u64::from(word(&header, 14)),
        size: u64::from(word(&header, 18)),
    };
    let extra = bytes(source, u64::from(half(&header, 24)))?;
    let is_large = large(&extra, [&mut member.size, &mut member.compressed]);
    Ok((member, is_large))
}

/// Passes over the sizes behind the content, with or without a mark, in 32 or 64 bits each.
fn descriptor(source: &mut dyn Read, is_large: bool) -> Result<(), Trouble> {
    let mark: [u8; 4] = exactly(source)?;
    let sizes = if is_large { 16 } else { 8 };
    skip(source, sizes + if mark == *b"PK\x07\x08" { 4 } else { 0 })
}
