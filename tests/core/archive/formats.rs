//! Every format, inside every format, in plain text and UTF-16; paths, tricks, and what is left alone.

use super::made::{self, Format, ar, gzip, has, run, tar, tar_header, zip};
use super::{FORMATS, paths, scan};
use crate::made::token;
use stopleak_core::archive::{HEAD, kind};

const FILE: &str = "app.env";

fn plain(secret: &str) -> Vec<u8> {
    let lines: String = (0..20).map(|line| format!("setting_{line} = {line}\n")).collect();
    format!("{lines}token = \"{secret}\"\n").into_bytes()
}

fn utf16(secret: &str) -> Vec<u8> {
    String::from_utf8(plain(secret)).unwrap().encode_utf16().flat_map(u16::to_le_bytes).collect()
}

/// What is inside has other names.
fn inner(format: &Format, depth: usize) -> String {
    if format.has_names { format!("inner{depth}") } else { FILE.to_owned() }
}

#[test]
fn a_secret_is_found_in_every_format_at_depths_one_to_three() {
    let all = &FORMATS.all;
    let (mut missed, mut count) = (Vec::new(), 0);
    for (index, format) in all.iter().enumerate() {
        for encoding in ["plain", "utf-16"] {
            let secret = token(index as u64 * 7 + 1);
            let content = if encoding == "plain" { plain(&secret) } else { utf16(&secret) };
            // Tools take whole numbers of bytes off odd names; every step gets its own.
            let one = (format.pack)(FILE, &content);
            let second = &all[(index + 3) % all.len()];
            let two = (second.pack)(&inner(format, 1), &one);
            let third = &all[(index * 5 + 1) % all.len()];
            let three = (third.pack)(&inner(second, 2), &two);
            let chains =
                [vec![&format.name], vec![&second.name, &format.name], vec![&third.name, &second.name, &format.name]];
            for (bytes, chain) in [one, two, three].iter().zip(chains) {
                count += 1;
                let (found, warnings) = scan(bytes, "outer");
                if paths(&found, &secret).len() != 1 || !warnings.is_empty() {
                    missed.push(format!("{encoding} in {chain:?}: {found:?} {warnings:?}"));
                }
            }
        }
    }
    assert!(missed.is_empty(), "{} of {count}:\n{}", missed.len(), missed.join("\n"));
}

#[test]
fn a_secret_is_found_in_every_pair_of_formats_made_by_hand() {
    let by_hand: Vec<&Format> = FORMATS.all.iter().take(8).collect();
    for outer in &by_hand {
        for inner in &by_hand {
            let secret = token(11);
            let bytes = (outer.pack)("inner", &(inner.pack)(FILE, &plain(&secret)));
            let (found, warnings) = scan(&bytes, "outer");
            assert_eq!(paths(&found, &secret).len(), 1, "{} in {}: {warnings:?}", inner.name, outer.name);
        }
    }
}

#[test]
fn the_path_names_every_archive_on_the_way() {
    let secret = token(1);
    let jar = zip(&[("config/c.properties", &plain(&secret), 8)]);
    let table = [
        (zip(&[("inner/file", &plain(&secret), 8)]), "outer.zip", "outer.zip!inner/file"),
        (gzip(&tar(&[("b.jar", &jar)])), "a.tar.gz", "a.tar.gz!b.jar!config/c.properties"),
        (gzip(&plain(&secret)), "dir/notes.txt.gz", "dir/notes.txt.gz!notes.txt"),
        (tar(&[("log.gz", &gzip(&plain(&secret)))]), "a.tar", "a.tar!log.gz!log"),
        (ar(&[("data.tar", &tar(&[("./etc/x", &plain(&secret))]))]), "x.deb", "x.deb!data.tar!etc/x"),
    ];
    for (bytes, name, expected) in table {
        let (found, warnings) = scan(&bytes, name);
        assert_eq!(found, [(secret.clone(), expected.to_owned(), 21)], "{warnings:?}");
        assert!(warnings.is_empty(), "{warnings:?}");
    }
}

#[test]
fn tricks_with_paths_and_links_lead_nowhere() {
    let secret = token(2);
    let text = plain(&secret);
    let mut bytes = tar(&[("../../etc/a", &text), ("/abs/b", &text), ("x\u{1b}[31m", &text)]);
    bytes.truncate(bytes.len() - 1024);
    let mut link = tar_header("link", b'2', 0);
    link[157..168].copy_from_slice(b"/etc/passwd");
    bytes.extend(link);
    bytes.extend(tar(&[("link/c", &text)]));
    let (found, _) = scan(&bytes, "t.tar");
    let expected = ["t.tar!(..)/(..)/etc/a", "t.tar!/abs/b", "t.tar!x\u{fffd}[31m"];
    assert!(expected.iter().all(|path| paths(&found, &secret).contains(&(*path).to_owned())), "{found:?}");
    let (found, _) = scan(&zip(&[("../../../a", &text, 0)]), "z.zip");
    assert_eq!(paths(&found, &secret), ["z.zip!(..)/(..)/(..)/a"]);
}

#[test]
fn what_is_stored_uncompressed_is_scanned_once() {
    let secret = token(3);
    for (name, bytes) in [
        ("tar", tar(&[("a", &plain(&secret))])),
        ("zip", zip(&[("a", &plain(&secret), 0)])),
        ("ar", ar(&[("a", &plain(&secret))])),
    ] {
        assert_eq!(scan(&bytes, name).0.len(), 1, "{name}");
    }
}

#[test]
fn a_zip_behind_a_program_is_opened_and_the_program_scanned() {
    let (first, second) = (token(4), token(5));
    let mut bytes = format!("#!/bin/sh\nexport TOKEN={first}\nexec java -jar \"$0\"\n").into_bytes();
    bytes.extend(zip(&[("a", &plain(&second), 8)]));
    let (found, warnings) = scan(&bytes, "app");
    assert_eq!(paths(&found, &first), ["app!(what goes before)"], "{warnings:?}");
    assert_eq!(paths(&found, &second), ["app!a"]);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn text_that_begins_like_an_archive_is_text() {
    let texts = [
        "BZh9 is what bzip2 begins with",
        "PK is short",
        "070707 is a number",
        "070701 is another, much longer than that it could be a header of anything, really",
        "!<arch> of triumph",
        "%PDF is a format",
        "LZIP me",
        "SQLite format 3 is described here",
        "Rar!",
        "ustar",
        "0707010000000000000000000000000000000000000000000000000000000000 ... 0000000000000000000000000000",
        "[]\u{0}\u{0}",
        "7z x archive.7z",
        "hsqs",
        "FWS",
        "\u{feff}text",
        "a\r\nb",
    ];
    for text in texts {
        let head = &text.as_bytes()[..text.len().min(HEAD)];
        assert_eq!(kind(head), None, "{text}");
        let secret = token(6);
        let (found, _) = scan(format!("{text}\ntoken = {secret}\n").as_bytes(), "a");
        assert_eq!(paths(&found, &secret), ["a"], "{text}");
    }
}

#[test]
fn random_bytes_are_no_archive() {
    let mut random = stopleak_core::rule::example::Random::new(1);
    for _ in 0..20_000 {
        let bytes: Vec<u8> = (0..64 + random.below(900)).map(|_| random.draw() as u8).collect();
        assert_eq!(kind(&bytes), None);
    }
}

#[test]
fn a_damaged_container_is_scanned_as_it_is_too() {
    let secret = token(7);
    let mut bytes = tar(&[("a", b"first")]);
    bytes.truncate(1024);
    bytes.extend(format!("no header at all\nTOKEN={secret}\n").into_bytes());
    let (found, warnings) = scan(&bytes, "t.tar");
    assert_eq!(paths(&found, &secret), ["t.tar"]);
    assert!(warnings.iter().all(|warning| warning.unscanned) && !warnings.is_empty(), "{warnings:?}");
}

#[test]
fn what_can_be_read_of_a_cut_archive_is_scanned_and_the_rest_told() {
    let secret = token(8);
    let mut noise = String::new();
    let mut random = stopleak_core::rule::example::Random::new(9);
    (0..600_000).for_each(|_| noise.push(char::from(b' ' + random.below(64) as u8)));
    let content = [plain(&secret), noise.into_bytes()].concat();
    for format in &FORMATS.all {
        // The directory stands at the end, or one block holds all of it.
        let is_blind =
            ["7z", "squashfs", "bzip2", "tar.bz2", "zip bzip2"].iter().any(|name| format.name.starts_with(name));
        let whole = (format.pack)(FILE, &content);
        let cut = &whole[..whole.len() - whole.len() / 10];
        let (found, warnings) = scan(cut, "cut");
        assert!(warnings.iter().any(|warning| warning.unscanned), "{}: {found:?}", format.name);
        if !is_blind {
            assert!(!paths(&found, &secret).is_empty(), "{}: {warnings:?}", format.name);
        }
    }
}

#[test]
fn encrypted_members_are_told() {
    let secret = token(10);
    let scripts = [
        ("zip", "zip", "zip -q -P x $OUT $F", false),
        ("7z", "7zz", "7zz a -bso0 -px $OUT.7z $F && mv $OUT.7z $OUT", false),
        ("7z with names", "7zz", "7zz a -bso0 -px -mhe=on $OUT.7z $F && mv $OUT.7z $OUT", true),
        ("zip aes", "7zz", "7zz a -bso0 -tzip -mem=AES256 -px $OUT.zip $F && mv $OUT.zip $OUT", false),
    ];
    for (name, tool, script, hides_names) in scripts {
        if !has(tool) {
            eprintln!("SKIPPED: `{tool}` is not installed, so encrypted {name} is not tested");
            continue;
        }
        let (found, warnings) = scan(&run(script, FILE, &plain(&secret)), "a");
        assert!(found.is_empty(), "{found:?}");
        let [warning] = warnings.as_slice() else { panic!("{name}: {warnings:?}") };
        assert_eq!((warning.code, warning.unscanned), ("archive-encrypted", true), "{name}");
        assert!(hides_names || warning.message.contains(FILE), "{name}: {warning}");
    }
}

#[test]
fn several_members_and_folders_are_each_named() {
    let secrets: Vec<String> = (20..26).map(token).collect();
    let files: Vec<(String, Vec<u8>)> =
        secrets.iter().enumerate().map(|(index, secret)| (format!("f/{index}"), plain(secret))).collect();
    let borrowed: Vec<(&str, &[u8])> =
        files.iter().map(|(name, content)| (name.as_str(), content.as_slice())).collect();
    let zipped: Vec<(&str, &[u8], u16)> = borrowed
        .iter()
        .enumerate()
        .map(|(index, (name, content))| (*name, *content, if index % 2 == 0 { 8 } else { 0 }))
        .collect();
    for bytes in [tar(&borrowed), zip(&zipped), made::cpio(&borrowed)] {
        let (found, warnings) = scan(&bytes, "m");
        assert!(warnings.is_empty(), "{warnings:?}");
        for (index, secret) in secrets.iter().enumerate() {
            assert_eq!(paths(&found, secret), [format!("m!f/{index}")]);
        }
    }
}

#[test]
fn a_long_name_that_is_cut_at_a_slash_is_no_folder() {
    let secret = token(12);
    let (text, name) = (plain(&secret), format!("{}/app.env", "d".repeat(99)));
    let mut bytes = tar_header("././@LongLink", b'L', name.len() as u64).to_vec();
    bytes.extend(name.as_bytes());
    bytes.resize(1024, 0);
    bytes.extend(tar(&[(&name[..100], &text)]));
    let (found, warnings) = scan(&bytes, "t.tar");
    assert_eq!(paths(&found, &secret), [format!("t.tar!{name}")], "{warnings:?}");
    assert!(warnings.is_empty(), "{warnings:?}");
}
