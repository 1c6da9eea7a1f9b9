//! Documents, databases, compiled code and keystores as text.

use super::made::{deflate, gzip, has, run, run_in, zip};
use super::{paths, scan};
use crate::made::token;
use std::fs;
use tempfile::TempDir;

/// A PDF of these objects' bodies, numbered from 1.
pub fn pdf(objects: &[Vec<u8>]) -> Vec<u8> {
    let mut out = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    for (index, object) in objects.iter().enumerate() {
        out.extend(format!("{} 0 obj\n", index + 1).as_bytes());
        out.extend(object);
        out.extend(b"\nendobj\n");
    }
    out.extend(b"trailer\n<< /Root 1 0 R >>\nstartxref\n0\n%%EOF\n");
    out
}

/// A stream with its dictionary.
pub fn stream(dictionary: &str, content: &[u8], packed: bool) -> Vec<u8> {
    let content = if packed { deflate(content, true) } else { content.to_vec() };
    let filter = if packed { "/Filter /FlateDecode" } else { "" };
    [format!("<< /Length {} {filter} {dictionary} >>\nstream\n", content.len()).as_bytes(), &content, b"\nendstream"]
        .concat()
}

/// A PDF that holds a secret in each of its corners: shown, kerned, in a font of its own, in a form, a link, an attachment.
pub fn pdf_with([shown, kerned, wide, value, hidden, attached]: &[String; 6]) -> Vec<u8> {
    let kerned_array: String =
        kerned.as_bytes().chunks(5).map(|part| format!("({})-20", String::from_utf8_lossy(part))).collect();
    let page = format!("BT /F1 12 Tf 72 700 Td (token: {shown}) Tj 0 -14 Td [{kerned_array}] TJ ET");
    let codes: String = wide.bytes().map(|byte| format!("{:04x}", u32::from(byte) + 3)).collect();
    let map: String = (32..127).map(|code| format!("<{:04x}> <{code:04x}>\n", code + 3)).collect();
    let map = format!(
        "/CIDInit begincmap 1 begincodespacerange <0000> <ffff> endcodespacerange\n95 beginbfchar\n{map}endbfchar endcmap"
    );
    let utf16: String = format!("\u{feff}{value}").encode_utf16().map(|unit| format!("{unit:04X}")).collect();
    let inside = format!("9 0 << /Type /Annot /A << /URI (https://host/?access_token={hidden}) >> >>");
    pdf(&[
        b"<< /Type /Catalog >>".to_vec(),
        stream("", page.as_bytes(), true),
        stream("", format!("BT /F2 9 Tf 1 0 0 1 50 50 Tm <{codes}> Tj ET").as_bytes(), true),
        b"<< /Type /Page /Resources << /Font << /F2 5 0 R >> >> >>".to_vec(),
        b"<< /Type /Font /Subtype /Type0 /ToUnicode 6 0 R >>".to_vec(),
        stream("", map.as_bytes(), true),
        format!("<< /T (field) /V <{utf16}> >>").into_bytes(),
        stream("/Type /ObjStm /N 1 /First 4", inside.as_bytes(), true),
        stream("/Type /EmbeddedFile", &zip(&[("a.txt", format!("token={attached}\n").as_bytes(), 8)]), true),
    ])
}

#[test]
fn a_pdf_is_read_as_its_pages_show_it() {
    let secrets = [1, 2, 3, 4, 5, 6].map(token);
    let bytes = pdf_with(&secrets);
    let (found, warnings) = scan(&bytes, "d.pdf");
    assert!(warnings.is_empty(), "{warnings:?}");
    let places = ["object 2", "object 2", "object 3", "(objects)", "(objects)", "object 9!a.txt"];
    for (secret, place) in secrets.iter().zip(places) {
        assert_eq!(paths(&found, secret), [format!("d.pdf!{place}")], "{found:?}");
    }
}

#[test]
fn an_encrypted_pdf_is_told() {
    let mut bytes = pdf(&[stream("", b"BT (x) Tj ET", true)]);
    bytes.extend(b"trailer << /Encrypt 9 0 R >>");
    let (_, warnings) = scan(&bytes, "a.pdf");
    assert_eq!(warnings.iter().map(|warning| warning.code).collect::<Vec<_>>(), ["archive-encrypted"]);
}

#[test]
fn a_database_is_read_table_by_table() {
    if !has("sqlite3") {
        return eprintln!("SKIPPED: `sqlite3` is not installed");
    }
    let [plain, long, keyed, deleted, packed, clustered] = [8, 9, 10, 11, 12, 13].map(token);
    let hex: String = gzip(format!("token={packed}\n").as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    for encoding in ["UTF-8", "UTF-16le", "UTF-16be"] {
        let sql = format!(
            "pragma encoding='{encoding}'; pragma secure_delete=off;
             create table users(id integer primary key, name text, api_token text);
             insert into users(name, api_token) values('a', '{plain}');
             with recursive n(i) as (select 1 union all select i+1 from n where i < 3000)
             insert into users(name, api_token) select 'user ' || i, 'none' from n;
             create index by_token on users(api_token);
             create table notes(body text); insert into notes values('{}{long} {}');
             create table settings(key text, value text); insert into settings values('access_token', '{keyed}');
             create table files(name text, data blob); insert into files values('f.gz', x'{hex}');
             create table c(k text primary key, v text) without rowid; insert into c values('k', '{clustered}');
             create table gone(t text); insert into gone values('kept'); insert into gone values('{deleted}'); delete from gone where t <> 'kept';",
            "y ".repeat(3000),
            "z ".repeat(3000),
        );
        let bytes = run("sqlite3 $OUT < $F", "a.sql", sql.as_bytes());
        let (found, warnings) = scan(&bytes, "app.db");
        assert!(warnings.is_empty(), "{warnings:?}");
        let lines = |secret: &str| found.iter().filter(|(value, ..)| value == secret).cloned().collect::<Vec<_>>();
        assert_eq!(lines(&plain), [(plain.clone(), "app.db!users".into(), 2)], "{encoding}");
        assert_eq!(paths(&found, &long), ["app.db!notes"], "{encoding}");
        assert_eq!(paths(&found, &keyed), ["app.db!settings"], "{encoding}");
        assert_eq!(paths(&found, &clustered), ["app.db!c"], "{encoding}");
        assert_eq!(paths(&found, &packed), ["app.db!files/1/data!content"], "{encoding}");
        if encoding == "UTF-8" {
            assert_eq!(paths(&found, &deleted), ["app.db!(free space)"], "{found:?}");
        }
    }
}

#[test]
fn a_value_in_a_table_has_its_columns_name() {
    if !has("sqlite3") {
        return eprintln!("SKIPPED: `sqlite3` is not installed");
    }
    let password = crate::made::random(18, 5);
    let sql =
        format!("create table account(login text, password text); insert into account values('root', '{password}');");
    let (found, _) = scan(&run("sqlite3 $OUT < $F", "a.sql", sql.as_bytes()), "a.db");
    assert_eq!(found, [(password, "a.db!account".into(), 2)]);
}

#[test]
fn a_java_class_is_read_by_its_constants() {
    if !has("javac") {
        return eprintln!("SKIPPED: `javac` is not installed");
    }
    let (secret, password) = (token(14), crate::made::random(16, 6));
    let code = format!(
        "class A {{ static final String DB_PASSWORD = \"{password}\"; long n = 5L; String t() {{ return \"{secret}\"; }} }}"
    );
    let bytes = run("javac -d . $F && cp A.class $OUT", "A.java", code.as_bytes());
    let (found, warnings) = scan(&bytes, "A.class");
    assert!(warnings.is_empty(), "{warnings:?}");
    assert_eq!(paths(&found, &secret), ["A.class!(constants)"]);
    assert_eq!(paths(&found, &password), ["A.class!(constants)"]);
    let (found, _) = scan(&zip(&[("com/A.class", &bytes, 8)]), "a.jar");
    assert_eq!(paths(&found, &secret), ["a.jar!com/A.class!(constants)"]);
}

#[test]
fn a_compiled_python_module_is_read_by_its_constants() {
    let (secret, password) = (token(15), crate::made::random(16, 7));
    let code = format!(
        "DB_PASSWORD = \"{password}\"\nclass C:\n    def f(self, x=(1, 'a')):\n        return ['{secret}', x, 1.5, 10**30, {{'k': None}}]\n"
    );
    let pythons =
        ["python2.7", "python3.6", "python3.8", "python3.10", "python3.11", "python3.12", "python3.13", "python3"];
    for python in pythons {
        let script = format!("{python} -c \"import py_compile; py_compile.compile('$F', cfile='$OUT', doraise=True)\"");
        let works = has(python)
            && std::process::Command::new(python).arg("--version").output().is_ok_and(|out| out.status.success());
        if !works {
            eprintln!("SKIPPED: `{python}` is not installed");
            continue;
        }
        let (found, warnings) = scan(&run(&script, "m.py", code.as_bytes()), "m.pyc");
        assert!(warnings.is_empty(), "{python}: {warnings:?}");
        assert_eq!(paths(&found, &secret), ["m.pyc!(constants)"], "{python}");
        assert_eq!(paths(&found, &password), ["m.pyc!(constants)"], "{python}");
    }
}

#[test]
fn keystores_give_their_private_keys() {
    if !has("keytool") || !has("openssl") {
        return eprintln!("SKIPPED: `keytool` or `openssl` is not installed");
    }
    let make = |kind: &str| {
        format!(
            "keytool -genkeypair -keyalg EC -alias k -dname CN=a -storetype {kind} -storepass changeit -keypass changeit -keystore $OUT 2>/dev/null"
        )
    };
    for kind in ["JKS", "JCEKS", "PKCS12"] {
        let (found, warnings) = scan(&run(&make(kind), "x", b""), "k.store");
        assert_eq!(
            found.iter().map(|(_, path, _)| path.as_str()).collect::<Vec<_>>(),
            ["k.store!(keys)"],
            "{kind}: {warnings:?}"
        );
        assert!(warnings.is_empty(), "{kind}: {warnings:?}");
    }
    let folder = TempDir::new().unwrap();
    fs::write(folder.path().join("x"), b"").unwrap();
    let make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout k.pem -out c.pem -subj /CN=a 2>/dev/null; ";
    for (options, keys) in [("", 1), ("-keypbe NONE", 1), ("-nokeys", 0)] {
        let script =
            format!("{make} openssl pkcs12 -export -inkey k.pem -in c.pem -passout pass:x {options} -out $OUT");
        let (found, warnings) = scan(&run_in(folder.path(), &script, "x"), "k.p12");
        assert_eq!((found.len(), warnings.len()), (keys, 1 - keys), "{options}: {found:?} {warnings:?}");
    }
    let trusted = "keytool -genkeypair -keyalg EC -alias k -dname CN=a -storetype JKS -storepass changeit -keypass changeit -keystore s 2>/dev/null; \
                   keytool -exportcert -alias k -keystore s -storepass changeit -file c 2>/dev/null; \
                   keytool -importcert -noprompt -alias c -file c -storetype JKS -storepass changeit -keystore $OUT 2>/dev/null";
    let (found, warnings) = scan(&run(trusted, "x", b""), "trust.jks");
    assert!(found.is_empty() && warnings.is_empty(), "{found:?} {warnings:?}");
}
