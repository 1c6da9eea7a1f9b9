//! Real archives with bytes changed, dropped and doubled: no panic, no endless loop, and bounded output.

use super::made::{has, run};
use super::{FORMATS, documents};
use crate::fuzz::{bodies, damage};
use crate::made::token;
use stopleak_core::rule::example::Random;

/// Changes bytes here and there, and cuts at many places.
fn damaged(sound: &[u8], seed: u64) {
    let mut random = Random::new(seed);
    for _ in 0..60 {
        let mut bytes = sound.to_vec();
        damage(&mut random, &mut bytes);
        bodies::archive(&bytes);
    }
    // Headers and directories stand at either end.
    let ends = (0..sound.len().min(64)).chain(sound.len().saturating_sub(128)..sound.len());
    for (at, byte) in ends.flat_map(|at| [(at, 0xff), (at, 0), (at, 0x7f)]) {
        let mut bytes = sound.to_vec();
        bytes[at] = byte;
        bodies::archive(&bytes);
    }
    for cut in (0..sound.len()).step_by(sound.len() / 40 + 1) {
        bodies::archive(&sound[..cut]);
    }
}

#[test]
fn damaged_archives_of_every_format_end_without_a_panic() {
    let content = format!("token = \"{}\"\n{}", token(1), "some text to pack\n".repeat(300));
    for format in &FORMATS.all {
        let sound = (format.pack)("app.env", content.as_bytes());
        bodies::archive(&sound);
        damaged(&sound, format.name.len() as u64);
    }
}

#[test]
fn damaged_documents_end_without_a_panic() {
    let pdf = documents::pdf_with(&[1, 2, 3, 4, 5, 6].map(token));
    (0..10).for_each(|seed| damaged(&pdf, seed));
    // A content stream that ends wherever it wants.
    let page = b"BT /F1 12 Tf [(a) -300 <4142>] TJ (b\\050) Tj ET <";
    for cut in 0..=page.len() {
        bodies::archive(&documents::pdf(&[documents::stream(
            "",
            &[b"BT ET Tj ", &page[..cut]].concat(),
            cut % 2 == 0,
        )]));
    }
    let scripts = [
        ("sqlite3", "a.sql", "sqlite3 $OUT < $F"),
        ("javac", "A.java", "javac -d . $F && cp A.class $OUT"),
        ("python3", "m.py", "python3 -c \"import py_compile; py_compile.compile('$F', cfile='$OUT')\""),
        (
            "keytool",
            "k",
            "keytool -genkeypair -keyalg EC -alias k -dname CN=a -storetype JKS -storepass changeit -keypass changeit -keystore $OUT 2>/dev/null",
        ),
        (
            "keytool",
            "k",
            "keytool -genkeypair -keyalg EC -alias k -dname CN=a -storetype PKCS12 -storepass changeit -keystore $OUT 2>/dev/null",
        ),
    ];
    let contents = [
        ("a.sql", format!("create table t(key text, value text); insert into t values('k', '{}');", "v".repeat(9000))),
        ("A.java", "class A { static final String S = \"text\"; long n = 1L; }".to_owned()),
        ("m.py", "A = 'text'\ndef f(x=(1, 'a', None)):\n    return [x, 1.5, 10**30]\n".to_owned()),
        ("k", String::new()),
    ];
    for (tool, file, script) in scripts {
        if !has(tool) {
            eprintln!("SKIPPED: `{tool}` is not installed");
            continue;
        }
        let content = contents.iter().find(|(name, _)| *name == file).map_or("", |(_, content)| content);
        let sound = run(script, file, content.as_bytes());
        (0..8).for_each(|seed| damaged(&sound, seed));
    }
}
