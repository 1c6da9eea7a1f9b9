//! Assignments: the value on a name in every common syntax, and nothing on names without one.
//! Each text marks its keyword with `‹…›`; the marks are removed before parsing.

use stopleak_core::detect::assignment::{Syntax, parse};

/// A value no rule knows, put together so that no scanner sees it in this file.
fn value() -> String {
    ["x7Kp", "2mQz", "9TfV"].concat()
}

/// Puts the value at `@@`, cuts the marks, parses, and returns the values found.
fn values(text: &str) -> Vec<(String, Syntax)> {
    let text = text.replace("@@", &value());
    let start = text.find('‹').expect("the text marks its keyword");
    let text = text.replacen('‹', "", 1);
    let end = text.find('›').expect("the text marks its keyword");
    let text = text.replacen('›', "", 1);
    let parsed = parse(text.as_bytes(), start..end);
    assert!(parsed.looked.start <= start && parsed.looked.end >= end, "{text}: looked at {:?}", parsed.looked);
    assert!(parsed.looked.end <= text.len() + 1);
    let found = parsed.assignments.iter();
    found.map(|a| (text[a.value.clone()].to_owned(), a.syntax)).collect()
}

#[test]
fn a_value_is_found_in_every_syntax() {
    use Syntax::*;
    let table: &[(&str, Syntax)] = &[
        // Code.
        (r#"String ‹apiKey› = "@@";"#, Literal),
        (r#"let ‹api_key›: &str = "@@";"#, Literal),
        (r#"const API_‹KEY›: &'static str = "@@";"#, Literal),
        (r#"‹apiKey›: string = '@@';"#, Literal),
        (r#"private ‹apiKey›?: string = '@@';"#, Literal),
        (r#"let ‹token›: Option<String> = Some("@@".into());"#, Argument),
        (r#"const char *‹password›[] = {"@@"};"#, Literal),
        (r#"char ‹password›[32] = "@@";"#, Literal),
        (r#"‹password› := "@@""#, Literal),
        (r#"var ‹password› string = "@@""#, Literal),
        (r#"'‹password›' => '@@',"#, Literal),
        (r#"$config->‹password› = '@@';"#, Literal),
        (r#"$config['‹password›'] = '@@';"#, Literal),
        (r#"config["db_‹password›"]="@@""#, Literal),
        (r#"obj->set‹Password›("@@");"#, Argument),
        (r#"builder.‹password›("@@")"#, Argument),
        (r#"connect(user="x", ‹password›="@@")"#, Literal),
        (r#"def f(user, ‹password›='@@'):"#, Literal),
        (r#"if ‹password› == "@@":"#, Comparison),
        (r#"if (‹password› !== '@@') {"#, Comparison),
        (r#"‹password›.equals("@@")"#, Argument),
        (r#"String ‹password› = new String("@@");"#, Argument),
        (r#"‹password› = b"@@""#, Literal),
        (r#"let ‹secret› = br"@@";"#, Literal),
        (r##"let ‹secret› = r#"@@"#;"##, Literal),
        (r#"var ‹secret› = @"@@";"#, Literal),
        (r#"‹secret› = f'@@'"#, Literal),
        ("‹secret› = `@@`", Literal),
        ("‹secret› = \"\"\"@@\"\"\"", Literal),
        ("‹secret› = \"\"\"\n  @@\n\"\"\"", Literal),
        ("‹secret› =\n    \"@@\"", Literal),
        ("‹password› <- \"@@\"", Literal),
        ("‹password› ||= '@@'", Literal),
        ("define('DB_‹PASSWORD›', '@@');", Argument),
        ("properties.put(\"‹password›\", \"@@\");", Argument),
        ("os.environ.get(\"‹PASSWORD›\", \"@@\")", Argument),
        ("os.getenv('‹PASSWORD›') or '@@'", Fallback),
        ("‹password› = os.environ.get('X', '@@')", Fallback),
        ("‹password› = os.getenv('X') or '@@'", Fallback),
        ("const ‹secret› = process.env.SECRET || '@@';", Fallback),
        ("const ‹secret› = process.env['SECRET'] ?? '@@';", Fallback),
        ("'‹password›' => env('DB_PASSWORD', '@@'),", Fallback),
        ("$‹password› = (string) '@@';", Literal),
        ("‹password› = 'a\\'b@@'", Literal),
        ("‹passwords› = [\"@@\"]", Literal),
        ("public string ‹Password› { get; set; } = \"@@\";", Literal),
        ("Dim ‹password› As String = \"@@\"", Literal),
        ("strcpy(‹password›, \"@@\");", Argument),
        ("{‹password›, \"@@\"},", Argument),
        ("val ‹password›: String = \"@@\"", Literal),
        ("NSString *‹password› = @\"@@\";", Literal),
        ("[request set‹Password›:@\"@@\"];", Literal),
        ("@Value(\"${db.‹password›:@@}\")", Bare),
        ("config :app, ‹secret›_key_base: \"@@\"", Literal),
        ("{:user \"x\" :‹password› \"@@\"}", Prose),
        // Shell and environment.
        ("export DB_‹PASSWORD›=@@", Bare),
        ("DB_‹PASSWORD›=@@\nX=1", Bare),
        ("set ‹TOKEN›=@@\r\n", Bare),
        ("setx ‹TOKEN› @@", Bare),
        ("setx ‹TOKEN› \"@@\"", Sql),
        ("$env:‹TOKEN› = \"@@\"", Literal),
        ("‹TOKEN›=${‹TOKEN:-@@}", Fallback),
        ("‹PASSWORD›=\"${PASSWORD:-@@}\"", Fallback),
        ("docker run -e DB_‹PASSWORD›=@@ image", Bare),
        ("mysql --‹password›=@@ -u x", Flag),
        ("tool --‹password› @@ run", Flag),
        ("tool --‹password› '@@' run", Flag),
        ("helm install --set auth.‹password›=@@,x=1", Bare),
        ("ENV ‹PASSWORD› @@", Bare),
        ("ARG ‹TOKEN›=@@", Bare),
        // Configuration.
        ("  ‹password›: @@\n", Bare),
        ("  ‹password›: \"@@\"\n", Literal),
        ("  - ‹password›: '@@' # x\n", Literal),
        ("‹password›: |\n  @@\n", Block),
        ("‹password›: >-\n  @@\n", Block),
        ("{user: x, ‹password›: @@}", Bare),
        ("‹password›: !!str @@", Bare),
        (r#"{"‹password›": "@@"}"#, Literal),
        (r#"{"a": "{\"‹password›\": \"@@\"}"}"#, Literal),
        (r#"{"a": "{\\\"‹password›\\\":\\\"@@\\\"}"}"#, Literal),
        ("&quot;‹password›&quot;:&quot;@@&quot;", Literal),
        ("<‹password›>@@</password>", Markup),
        ("<‹password› enc=\"no\">@@</password>", Markup),
        ("<add key=\"‹Password›\" value=\"@@\"/>", Literal),
        ("<property name=\"‹password›\" value=\"@@\">", Literal),
        ("<property name=\"‹password›\">@@</property>", Markup),
        ("<jdbc:‹password›>@@</jdbc:password>", Markup),
        ("<key>‹password›</key>\n  <string>@@</string>", Markup),
        ("<name>db.‹password›</name>\n<value>@@</value>", Markup),
        ("<user ‹password›=\"@@\"/>", Literal),
        ("spring.datasource.‹password›=@@\n", Bare),
        ("db.‹password› = @@\n", Bare),
        ("‹password› = \"@@\"", Literal),
        ("variable \"db_‹password›\" {\n  type = string\n  default = \"@@\"\n}", Literal),
        ("- name: DB_‹PASSWORD›\n  value: @@\n", Bare),
        ("- name: DB_‹PASSWORD›\n  value: \"@@\"\n", Literal),
        ("{\"name\": \"DB_‹PASSWORD›\", \"value\": \"@@\"}", Literal),
        ("Server=x;‹Password›=@@;Database=y", Bare),
        ("conn = \"Server=x;‹Password›=@@;Database=y\"", Bare),
        ("requirepass=x ‹password› = @@", Bare),
        ("machine x login y ‹password› @@\n", Bare),
        // SQL, HTTP, URLs.
        ("CREATE USER x ‹IDENTIFIED BY› '@@';", Sql),
        ("CREATE ROLE x WITH ‹PASSWORD› '@@';", Sql),
        ("ALTER USER x IDENTIFIED WITH mysql_native_‹password› BY '@@';", Prose),
        ("X-Api-‹Key›: @@\r\n", Bare),
        ("curl -H \"X-Api-‹Key›: @@\" https://x", Bare),
        ("‹Authorization›: Bearer @@\n", Header),
        ("'‹Authorization›': 'Bearer @@',", Header),
        ("-H '‹Authorization›: Basic @@'", Header),
        ("headers.set(\"‹Authorization›\", \"token @@\")", Header),
        ("https://x.example/?a=1&‹token›=@@&b=2", Query),
        ("https://x.example/?‹token›=@@\"", Query),
        ("\"a=1&amp;‹token›=@@&amp;b=2\"", Query),
        ("‹curl› -s -u admin:@@ https://x", Flag),
        ("‹curl› --user 'admin:@@' https://x", Flag),
        // Prose.
        ("the ‹password› is @@.", Prose),
        ("‹password› was '@@'", Prose),
        ("your ‹password›: @@", Bare),
        ("**‹Password›:** `@@`", Literal),
        ("**‹Password›**: @@", Bare),
        ("| ‹password› | @@ | text |", Prose),
        ("| ‹password› | `@@` | text |", Prose),
    ];
    let mut wrong = Vec::new();
    for (text, syntax) in table {
        let text = text.replacen("${‹TOKEN", "${TOKEN", 1);
        let expected = if text.contains("a\\'b") { format!("a\\'b{}", value()) } else { value() };
        let found = values(&text);
        if found != vec![(expected, *syntax)] {
            wrong.push(format!("{text}\n    expected {syntax:?}, found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn code_and_references_have_no_value() {
    let table = [
        "‹token›.kind()",
        "fn ‹token›(&self) -> Token {",
        "let ‹token› = lexer.next();",
        "‹password› = user.password",
        "‹password› = get_password(user)",
        "‹password›: String,",
        "‹password›: Option<String> = None,",
        "‹password› string",
        "if ‹token› == Token::Comma {",
        "match ‹token› { Token::A => 1 }",
        "‹password› = None",
        "‹password›: null",
        "‹password›: \"\"",
        "‹password› = ''",
        "‹password›: ${DB_PASSWORD}",
        "‹password›: \"${DB_PASSWORD}\"",
        "‹password› = \"$DB_PASSWORD\"",
        "‹password›=$(cat /run/secret)",
        "‹PASSWORD›=$PASSWORD",
        "‹password›: {{ vault_password }}",
        "‹password›: \"{{ .Values.password }}\"",
        "‹password› = '<%= ENV[\"X\"] %>'",
        "‹password› = '%(password)s'",
        "‹password› = '%DB_PASSWORD%'",
        "‹password› = os.environ['PASSWORD']",
        "‹password› = process.env.DB_PASSWORD",
        "‹password› = getenv(\"DB_PASSWORD\")",
        "‹password›: vault:secret/data/x#y",
        "‹password›: !vault |\n  $ANSIBLE_VAULT;1.1;AES256",
        "‹password›: ENC[AES256_GCM,data:abc1,iv:x]",
        "‹password›:\n  secretKeyRef:\n    name: x1",
        "f\"https://x/?‹token›={token}\"",
        "\"‹password›=%s\" % x",
        "</‹password›>",
        "the ‹token› following it",
        "‹password› is required",
        "‹token› types",
        "log(user, ‹token›, \"message12\")",
        "login(‹password›, user1234567)",
        "‹token›::Kind::A1",
        "‹token›s.push(1234567);",
        "‹password› = \"abc",
        "‹curl› -u $USER:$PASSWORD https://x",
        "‹curl› -s https://x | grep -u a:bcdefgh1",
    ];
    let mut wrong = Vec::new();
    for text in table {
        let found = values(text);
        if !found.is_empty() {
            wrong.push(format!("{text}\n    found {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_list_gives_its_first_three_values() {
    let found = values("‹passwords› = ['@@a', '@@b', '@@c', '@@d']");
    let text: Vec<String> = found.into_iter().map(|(text, _)| text).collect();
    assert_eq!(text, ["a", "b", "c"].map(|tail| value() + tail));
}

#[test]
fn a_word_inside_a_value_rejects_nothing() {
    let found = values("‹password›=x9false$2null\n");
    assert_eq!(found, vec![("x9false$2null".to_owned(), Syntax::Bare)]);
}

#[test]
fn the_verdict_depends_only_on_what_was_looked_at() {
    let text = format!("aa bb\nexport DB_PASSWORD=\"{}\" # end\nmore text\n", value());
    let start = text.find("PASSWORD").unwrap_or_default();
    let parsed = parse(text.as_bytes(), start..start + 8);
    let same = |text: &[u8]| parse(text, start..start + 8).assignments.to_vec() == parsed.assignments.to_vec();
    for place in 0..text.len() {
        let mut changed = text.clone().into_bytes();
        changed[place] = b'"';
        assert!(parsed.looked.contains(&place) || same(&changed), "byte {place} mattered unseen");
    }
}

/// Lines to be mangled: every syntax once more, marks cut.
const LINES: &str = r##"
let token: Option<&'static str> = Some("abcdef123456"); x
$config['password'] = getenv('X') ?: 'abcdef123456';
variable "password" { type = string
  default = "abcdef123456" }
<property name="password" value='abcdef123456'/><key>password</key> <string>abcdef123456</string>
password: |
  abcdef123456
- name: PASSWORD
  value: abcdef123456
https://x/?a=1&password=abcdef123456&amp;token=abcdef123456#x
{\"password\": \"abcdef\\\"123456\"} &quot;token&quot;:&quot;abcdef123456&quot;
PASSWORD=${PASSWORD:-abcdef123456} password => r#"abcdef123456"# -H 'Authorization: Bearer abcdef123456'
| password | abcdef123456 | **Password:** `abcdef123456` password is abcdef123456. machine login x password abcdef123456
"##;

#[test]
fn no_input_makes_it_panic_or_depend_on_what_it_did_not_look_at() {
    let mut state = 1u64;
    let mut next = move |limit: usize| {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 33) as usize % limit
    };
    const BYTES: &[u8] = b"\"'`\\=:<>(){}[]$%&*|,;!?@# \n\tab1\0\xef\xbc\x9a\xff";
    for _ in 0..1500 {
        let from = next(LINES.len() - 120);
        let mut text = LINES.as_bytes()[from..from + 40 + next(80)].to_vec();
        for _ in 0..next(4) {
            let place = next(text.len());
            text[place] = BYTES[next(BYTES.len())];
        }
        let lower = text.to_ascii_lowercase();
        let found = ["password", "token", "authorization"].iter().find_map(|word| {
            lower.windows(word.len()).position(|w| w == word.as_bytes()).map(|at| at..at + word.len())
        });
        let keyword = found.unwrap_or_else(|| {
            let start = next(text.len());
            start..(start + 1 + next(8)).min(text.len())
        });
        let parsed = parse(&text, keyword.clone());
        assert!(parsed.looked.end <= text.len() + 1 && parsed.looked.start <= parsed.looked.end);
        assert!(parsed.assignments.iter().all(|a| a.value.end <= text.len() && a.value.start < a.value.end));
        for place in (0..text.len()).filter(|place| !parsed.looked.contains(place) && !keyword.contains(place)) {
            let mut changed = text.clone();
            changed[place] = BYTES[next(BYTES.len())];
            assert_eq!(
                parse(&changed, keyword.clone()).assignments.to_vec(),
                parsed.assignments.to_vec(),
                "byte {place} of {:?} mattered unseen",
                String::from_utf8_lossy(&text)
            );
        }
        // Cut or moved text gives the same answer when neither end was looked at.
        if parsed.looked.end <= text.len() {
            let cut = parse(&text[..parsed.looked.end.max(keyword.end)], keyword.clone());
            assert_eq!(cut.assignments.to_vec(), parsed.assignments.to_vec(), "{:?}", String::from_utf8_lossy(&text));
        }
        if parsed.looked.start > 0 {
            let shift = parsed.looked.start.min(keyword.start);
            let moved = parse(&text[shift..], keyword.start - shift..keyword.end - shift);
            let values = |p: &stopleak_core::detect::assignment::Parsed, by: usize| {
                p.assignments.iter().map(|a| a.value.start + by..a.value.end + by).collect::<Vec<_>>()
            };
            assert_eq!(values(&moved, shift), values(&parsed, 0), "{:?}", String::from_utf8_lossy(&text));
        }
    }
}
