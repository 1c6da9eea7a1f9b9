//! Configurations of gitleaks and betterleaks: what their rules find and their allowlists allow, and what is said of
//! the rest.

use crate::made::random;
use std::path::Path;
use stopleak_core::detect::Engine;
use stopleak_core::finding::Suppression;
use stopleak_core::import::{Imported, import, is_foreign};
use stopleak_core::rule::RuleErrors;
use stopleak_core::rule::check::check_whole_file;
use stopleak_core::scan::{Gate, Mask, scan_bytes, scan_reader};
use stopleak_core::suppress::Suppressions;
use stopleak_core::{Finding, Introduction, ObjectId, Origin, RuleSet, Severity};
use tempfile::TempDir;

/// Writes files into a folder and imports the first.
fn import_all(files: &[(&str, &str)]) -> Result<Imported, RuleErrors> {
    let folder = TempDir::new().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    import(&folder.path().join(files[0].0))
}

fn imported(config: &str) -> Imported {
    import_all(&[("team.toml", config)]).unwrap_or_else(|errors| panic!("{config}: {errors}"))
}

fn problem(config: &str) -> String {
    import_all(&[("team.toml", config)]).expect_err(config).to_string()
}

fn notes(imported: &Imported) -> String {
    imported.notes.iter().map(|note| format!("{}: {}\n", note.line, note.message)).collect()
}

fn engine(imported: &Imported) -> Engine {
    let set = RuleSet::load_with(&[("team.toml".into(), imported.text.clone())], &[], &[]);
    Engine::new(set.unwrap_or_else(|errors| panic!("{errors}\n{}", imported.text)))
}

fn file(path: &str) -> Origin {
    Origin::File { path: path.into() }
}

/// What imported rules find: `rule=secret`, with the reason in brackets when it is suppressed.
fn found_at(imported: &Imported, text: impl AsRef<[u8]>, origin: Origin) -> Vec<String> {
    let (findings, _) = scan_bytes(&engine(imported), text.as_ref(), origin);
    shown(findings)
}

fn shown(mut findings: Vec<Finding>) -> Vec<String> {
    Suppressions::default().apply(&mut findings);
    let own = findings.iter().filter(|finding| finding.rule.id.starts_with("imported."));
    let mut shown: Vec<String> = own
        .map(|finding| {
            let secret = String::from_utf8_lossy(finding.secret.expose()).into_owned();
            let id = finding.rule.id.trim_start_matches("imported.");
            match &finding.suppression {
                Some(Suppression::Allowlist { reason }) => format!("{id}={secret} ({reason})"),
                Some(other) => format!("{id}={secret} ({other:?})"),
                None => format!("{id}={secret}"),
            }
        })
        .collect();
    shown.sort();
    shown
}

fn found(config: &str, text: impl AsRef<[u8]>) -> Vec<String> {
    found_at(&imported(config), text, file("src/a.txt"))
}

fn rule(rest: &str) -> String {
    format!("[[rules]]\nid = 'r'\n{rest}\n")
}

#[test]
fn a_rule_finds_what_its_regex_matches_anywhere() {
    let table = [
        ("regex = '''zip-[a-z0-9]+'''", "a zip-ab12 b\nzip-9", vec!["r=zip-9", "r=zip-ab12"]),
        ("regex = '''zip-[a-z0-9]+'''", "zap-ab12", vec![]),
        // The first group that took part is the secret, else the whole match.
        ("regex = '''(?:a=(\\w+)|b=(\\w+))'''", "a=one1 b=two2", vec!["r=one1", "r=two2"]),
        ("regex = '''k=(\\w*)x?'''", "k=;", vec!["r=k="]),
        ("regex = '''(k)=(\\w+)'''\nsecretGroup = 2", "k=val1", vec!["r=val1"]),
        ("regex = '''(k)=(\\w+)?'''\nsecretGroup = 2", "k=", vec![]),
        // Entropy counts over the secret; the threshold itself is too little.
        ("regex = '''e=(\\w+)'''\nentropy = 2.0", "e=aabbccdd e=aabbccdde", vec!["r=aabbccdde"]),
        // A keyword anywhere in the text, in any case.
        ("regex = '''s-\\d+'''\nkeywords = ['Acme']", "s-1234\n\n\n# for aCME", vec!["r=s-1234"]),
        ("regex = '''s-\\d+'''\nkeywords = ['acme', 'corp']", "s-1234 corp", vec!["r=s-1234"]),
        ("regex = '''s-\\d+'''\nkeywords = ['acme']", "s-1234", vec![]),
        // Keys are read in any case.
        ("regex = '''(k)=(\\w+)'''\nSECRETGROUP = 2", "k=val1", vec!["r=val1"]),
        // Line breaks around a match are not part of it.
        ("regex = '''\\nq-\\d+\\n'''", "x\nq-77\ny", vec!["r=q-77"]),
    ];
    for (rest, text, expected) in table {
        assert_eq!(found(&rule(rest), text), expected, "{rest} on {text}");
    }
}

#[test]
fn patterns_mean_what_they_mean_in_go() {
    let table = [
        // Classes are ASCII, a dot is a character, case folds beyond ASCII.
        (r"v=\w+;", "v=grün; v=gruen;", vec!["r=v=gruen;"]),
        (r"v=\d+;", "v=٣٤; v=34;", vec!["r=v=34;"]),
        (r"v=.{4};", "v=grün; v=grüün;", vec!["r=v=grün;"]),
        (r"v=\S\s\S;", "v=a\u{b}b; v=a b;", vec!["r=v=a b;"]),
        (r"(?i)übel-\d", "ÜBEL-1", vec!["r=ÜBEL-1"]),
        (r"\bk1\b", "äk1ä k12", vec!["r=k1"]),
        // What our own syntax reads otherwise.
        (r"\<t\>[a&&b]+", "<t>&ab& tab", vec!["r=<t>&ab&"]),
        (r"n{,3}m", "n{,3}m nnm", vec!["r=n{,3}m"]),
        (r"\Qa.b[\E\d", "a.b[7 axb[7", vec!["r=a.b[7"]),
        (r"[[:upper:]]{2}[]x]", "AB] ABx abx", vec!["r=AB]", "r=ABx"]),
        (r"\x41\101\x{42}z", "AABz", vec!["r=AABz"]),
        (r"(?P<name>g-\w)(?:h)(?s:.)i", "g-1h\ni", vec!["r=g-1"]),
        (r"\p{Greek}{2}\pN", "αβ7 ab7", vec!["r=αβ7"]),
        // Leftmost-first, greedy or not, and the ends of text and lines.
        (r"x(?:a|ab)", "xab", vec!["r=xa"]),
        (r"(?U)y\d+", "y123", vec!["r=y1"]),
        (r"w\d$", "w1\nw2", vec!["r=w2"]),
        (r"(?m)^u\d$", "u1\nu2", vec!["r=u1", "r=u2"]),
        // No bound at all.
        (r"begin[\s\S]*?end", "begin\n\n\nend", vec!["r=begin\n\n\nend"]),
    ];
    for (regex, text, expected) in table {
        assert_eq!(found(&rule(&format!("regex = '''{regex}'''")), text), expected, "{regex} on {text}");
    }
}

#[test]
fn a_text_with_bytes_of_no_character_is_searched() {
    let text = [b"\xff\xfe x ".as_slice(), b"k=a\xe9b; k=ab;"].concat();
    assert_eq!(found(&rule("regex = '''k=(a.?b);'''"), &text[2..]), ["r=ab", "r=a\u{fffd}b"]);
}

#[test]
fn a_path_restricts_a_rule_or_makes_it_report_the_file() {
    let config = rule("regex = '''s-\\d+'''\npath = '''(?i)^conf/.*\\.ini$'''");
    let rules = imported(&config);
    assert_eq!(found_at(&rules, "s-12", file("conf/a.INI")), ["r=s-12"]);
    assert!(found_at(&rules, "s-12", file("src/conf/a.ini")).is_empty());
    assert!(found_at(&rules, "s-12", Origin::Stdin).is_empty());
    let rules = imported(&rule("path = '''\\.p12$'''"));
    let found = found_at(&rules, "one", file("keys/a.p12"));
    assert_eq!(found.len(), 1);
    assert_ne!(found, found_at(&rules, "two", file("keys/a.p12")), "another content is another find");
    assert!(found_at(&rules, "one", file("keys/a.txt")).is_empty());
}

#[test]
fn a_match_counts_unless_it_is_a_plain_placeholder() {
    let rules = imported(&rule("regex = '''own=(\\S+)'''"));
    let value = random(24, 3);
    let text = format!("own={value}\nown=blue\nown=your-token-here\nown=${{TOKEN}}\n");
    let (findings, _) = scan_bytes(&engine(&rules), text.as_bytes(), file("tests/fixtures/example.md"));
    let of = |secret: &str| findings.iter().find(|finding| finding.secret.expose() == secret.as_bytes()).unwrap();
    assert!(of(&value).confidence.0 > 0.89 && of("blue").confidence.0 > 0.89, "whatever the path says");
    assert_eq!((of("blue").evidence[0].reason, of("blue").evidence.len()), ("own-rule", 1));
    assert!(of("your-token-here").confidence.0 < 0.5 && of("${TOKEN}").confidence.0 < 0.5);
    assert_eq!(of("blue").rule.severity, Severity::High);
}

#[test]
fn allowlists_hold_by_any_condition_or_by_all() {
    let lists = [
        // What may stand in an allowlist, and whether it covers `key: s-1234 # demo` in src/a.txt.
        ("regexes = ['''^s-12''']", true),
        ("regexes = ['''key''']", false),
        ("regexTarget = 'match'\nregexes = ['''^key''']", true),
        ("regexTarget = 'match'\nregexes = ['''demo''']", false),
        ("regexTarget = 'line'\nregexes = ['''# demo$''']", true),
        ("regexTarget = 'line'\nregexes = ['''other''']", false),
        ("regexTarget = 'secret'\nregexes = ['''nothing''', '''34$''']", true),
        ("stopwords = ['nope', 'S-1']", true),
        ("stopwords = ['key']", false),
        ("paths = ['''^src/''']", true),
        ("paths = ['''^a\\.txt$''']", false),
        ("paths = ['''^lib/''']\nstopwords = ['s-1']", true),
        ("condition = 'OR'\npaths = ['''^src/''']\nstopwords = ['nope']", true),
        ("condition = 'AND'\npaths = ['''^src/''']\nstopwords = ['s-1']", true),
        ("condition = 'AND'\npaths = ['''^lib/''']\nstopwords = ['s-1']", false),
        ("condition = 'and'\npaths = ['''^src/''']\nstopwords = ['nope']", false),
        (
            "condition = '&&'\nregexTarget = 'line'\nregexes = ['''demo''']\nstopwords = ['s-1']\npaths = ['''a''']",
            true,
        ),
        (
            "condition = 'AND'\nregexTarget = 'line'\nregexes = ['''demo''']\nstopwords = ['x']\npaths = ['''a''']",
            false,
        ),
    ];
    let text = "# other line\nkey: s-1234 # demo\n";
    for (list, covers) in lists {
        for (before, after) in [
            ("[[rules.allowlists]]", ""),
            ("[rules.allowlist]", ""),
            ("", "[allowlist]"),
            ("", "[[allowlists]]"),
            ("", "[[allowlists]]\ntargetRules = ['r']"),
        ] {
            let header = if before.is_empty() { after } else { before };
            let config = rule(&format!("regex = '''key: (s-\\d+)'''\n{header}\ndescription = 'why'\n{list}"));
            let expected = if covers { "r=s-1234 (why)" } else { "r=s-1234" };
            assert_eq!(found(&config, text), [expected], "{config}");
        }
    }
}

#[test]
fn an_allowlist_for_some_rules_covers_no_other() {
    let config = "[[rules]]\nid='a'\nregex='''a-\\d+'''\n[[rules]]\nid='b'\nregex='''b-\\d+'''\n\
                  [[allowlists]]\ndescription='why'\ntargetRules=['b']\nregexes=['''-1''']\n";
    assert_eq!(found(config, "a-1 b-1 b-2"), ["a=a-1", "b=b-1 (why)", "b=b-2"]);
}

#[test]
fn one_allowlist_of_several_is_enough() {
    let config = rule(
        "regex = '''s-\\d+'''\n[[rules.allowlists]]\nregexes=['''1$''']\n\
         [[rules.allowlists]]\ndescription='even'\nregexes=['''2$''']",
    );
    assert_eq!(found(&config, "s-1 s-2 s-3"), ["r=s-1 (allowlist in line 4 of team.toml)", "r=s-2 (even)", "r=s-3"]);
}

fn in_commit(commit: u8, path: &str) -> Origin {
    let introduced = Introduction { commit: ObjectId([commit; 20]), author: "A <a@example.com>".into(), time: 1 };
    Origin::GitBlob { id: ObjectId([9; 20]), path: Some(path.into()), introduced: Some(introduced) }
}

#[test]
fn a_commit_is_allowed_by_its_full_id() {
    let config =
        |list: &str| imported(&rule(&format!("regex='''s-\\d+'''\n[rules.allowlist]\n{list}\ndescription='why'")));
    let (full, upper) = (format!("commits=['{}']", "ab".repeat(20)), format!("commits=['{}']", "AB".repeat(20)));
    for list in [&full, &upper] {
        assert_eq!(found_at(&config(list), "s-1", in_commit(0xab, "a")), ["r=s-1 (why)"]);
        assert_eq!(found_at(&config(list), "s-1", in_commit(0xac, "a")), ["r=s-1"]);
    }
    let both = config(&format!("{full}\ncondition='AND'\npaths=['^x/']"));
    assert_eq!(found_at(&both, "s-1", in_commit(0xab, "a")), ["r=s-1"]);
    assert_eq!(found_at(&both, "s-1", in_commit(0xab, "x/a")), ["r=s-1 (why)"]);
    let short = config("commits=['abababa']");
    assert_eq!(found_at(&short, "s-1", in_commit(0xab, "a")), ["r=s-1"]);
    assert!(notes(&short).contains("`abababa` is no full commit id"), "{}", notes(&short));
}

#[test]
fn required_matches_must_stand_near() {
    let config = |near: &str| {
        format!(
            "[[rules]]\nid='key'\nregex='''key-(\\d+)'''\n[[rules.required]]\nid='user'\n{near}\n\
             [[rules]]\nid='user'\nregex='''user-\\w+'''\nskipReport=true\n"
        )
    };
    let far = format!("user-a\n{}    key-1", "\n".repeat(9));
    let table = [
        ("", far.as_str(), true),
        ("withinLines = 10", &far, true),
        ("withinLines = 9", &far, false),
        ("withinColumns = 4", &far, true),
        ("withinColumns = 3", &far, false),
        ("withinLines = 10\nwithinColumns = 4", &far, true),
        ("withinLines = 10\nwithinColumns = 3", &far, false),
        ("withinLines = 0", "key-1 user-a", true),
        // Columns count characters.
        ("withinColumns = 7", "üüüüüüüuser-a\nkey-1", true),
        ("withinColumns = 6", "üüüüüüüuser-a\nkey-1", false),
        ("", "key-1", false),
    ];
    for (near, text, expected) in table {
        let expected = if expected { vec!["key=1"] } else { vec![] };
        assert_eq!(found(&config(near), text), expected, "{near} on {text}");
    }
    let components = "[[rules]]\nid='key'\nregex='''key-(\\d+)'''\ncomponents=[{id='user', within='1L,20C'}]\n\
                      [[rules]]\nid='user'\nregex='''user-\\w+'''\n";
    assert_eq!(found(components, "user-a\nkey-1"), ["key=1", "user=user-a"]);
    assert_eq!(found(components, "user-a\n\nkey-1"), ["user=user-a"]);
}

#[test]
fn a_required_match_that_is_allowed_or_elsewhere_does_not_count() {
    let config = "[[rules]]\nid='key'\nregex='''key-(\\d+)'''\n[[rules.required]]\nid='user'\n\
                  [[rules]]\nid='user'\nregex='''user-\\w+'''\nskipReport=true\npath='''^src/'''\n\
                  [rules.allowlist]\nstopwords=['demo']\n";
    let rules = imported(config);
    assert_eq!(found_at(&rules, "key-1 user-a", file("src/a")), ["key=1"]);
    assert!(found_at(&rules, "key-1 user-a", file("lib/a")).is_empty());
    assert!(found_at(&rules, "key-1 user-demo", file("src/a")).is_empty());
}

#[test]
fn extended_files_are_read_relative_to_the_file_that_names_them() {
    let files = [
        (
            "conf/team.toml",
            "[extend]\npath='base/one.toml'\n[[rules]]\nid='r'\nentropy=1.5\nkeywords=['k2']\n\
                            [[rules.allowlists]]\nstopwords=['own']\n",
        ),
        (
            "conf/base/one.toml",
            "[extend]\npath='two.toml'\ndisabledRules=['gone']\n[[rules]]\nid='r'\nregex='''s-(\\w+)'''\n\
                                entropy=9.0\nkeywords=['k1']\n[rules.allowlist]\nstopwords=['base']\n\
                                [allowlist]\ndescription='of one'\nregexes=['''^zz''']\n",
        ),
        (
            "conf/base/two.toml",
            "[extend]\npath='three.toml'\n[[rules]]\nid='t'\nregex='''t-\\d+'''\n\
                                [[rules]]\nid='gone'\nregex='''g-\\d+'''\n",
        ),
        ("conf/base/three.toml", "[[rules]]\nid='deep'\nregex='''d-\\d+'''\n"),
    ];
    let rules = import_all(&files).unwrap();
    assert_eq!(rules.rules, 2, "{}", rules.text);
    let text = "k1 s-abcd s-aaaa s-xown s-xbase s-zzyxw t-1 g-1 d-1";
    let found = found_at(&rules, text, file("a"));
    assert_eq!(found.len(), 5, "{found:?}");
    assert!(found.contains(&"r=abcd".to_owned()) && found.contains(&"t=t-1".to_owned()), "{found:?}");
    assert!(found.contains(&"r=zzyxw (of one)".to_owned()), "{found:?}");
    for secret in ["r=xown (", "r=xbase ("] {
        assert!(found.iter().any(|found| found.starts_with(secret)), "{found:?}");
    }
    assert!(notes(&rules).contains("`three.toml` was not read"), "{}", notes(&rules));
    assert!(notes(&rules).contains("rule `gone`"), "{}", notes(&rules));
}

#[test]
fn a_file_that_extends_itself_ends() {
    let rules = import_all(&[("a.toml", "[extend]\npath='a.toml'\n[[rules]]\nid='r'\nregex='''s-\\d+'''\n")]).unwrap();
    assert_eq!(rules.rules, 1);
}

#[test]
fn the_rules_of_the_pack_stay_on() {
    let rules = imported("[extend]\nuseDefault=true\n[allowlist]\ndescription='docs'\npaths=['''^docs/''']\n");
    assert_eq!((rules.rules, rules.allowed), (0, 1));
    let set = engine(&rules);
    assert_eq!(set.rules().rules().len(), RuleSet::embedded().rules().len());
    let text = format!("K={}\n", crate::made::token(1));
    let suppressed = |path: &str| {
        let (mut findings, _) = scan_bytes(&set, text.as_bytes(), file(path));
        Suppressions::default().apply(&mut findings);
        findings[0].suppression.clone()
    };
    assert_eq!(suppressed("src/a"), None);
    assert_eq!(suppressed("docs/a"), Some(Suppression::Allowlist { reason: "docs".into() }));
}

#[test]
fn what_hangs_on_a_built_in_rule_goes_to_its_counterpart() {
    let rules = imported(
        "[extend]\nuseDefault=true\ndisabledRules=['generic-api-key','acme-nothing']\n\
         [[rules]]\nid='huggingface-access-token'\n[rules.allowlist]\npaths=['''^docs/''']\n\
         [[rules]]\nid='unheard-of'\n[rules.allowlist]\npaths=['''^docs/''']\n\
         [[allowlists]]\ntargetRules=['unheard-of-too']\npaths=['''x''']\n",
    );
    let set = engine(&rules);
    let text = format!("K={}\npassword = \"{}\"\n", crate::made::token(1), random(20, 8));
    let reasons = |path: &str| -> Vec<String> {
        let (mut findings, _) = scan_bytes(&set, text.as_bytes(), file(path));
        Suppressions::default().apply(&mut findings);
        findings.iter().map(|finding| format!("{} {:?}", finding.rule.id, finding.suppression)).collect()
    };
    let found = reasons("docs/a").join("\n");
    assert!(found.contains("huggingface.user-access-token Some"), "{found}");
    assert!(
        found.contains("generic.password Some(Allowlist { reason: \"team.toml disables generic-api-key\""),
        "{found}"
    );
    assert!(reasons("src/a").join("\n").contains("huggingface.user-access-token None"));
    let notes = notes(&rules);
    for expected in ["`acme-nothing`, for which", "`unheard-of` changes", "`unheard-of-too`, for which", "generic.*"] {
        assert!(notes.contains(expected), "{expected}: {notes}");
    }
}

#[test]
fn every_counterpart_is_a_rule_of_the_pack() {
    let rules = RuleSet::embedded();
    for (id, ours) in stopleak_core::import::counterparts::COUNTERPARTS {
        for our in *ours {
            let is_there = |id: &str| match our.strip_suffix('*') {
                Some(start) => id.starts_with(start),
                None => id == *our,
            };
            assert!(rules.rules().iter().any(|rule| is_there(&rule.id)), "{id}: {our}");
        }
    }
}

#[test]
fn what_is_not_carried_over_is_said() {
    let config = "minVersion = 'v8'\nprefilter = 'x'\nnews = 1\n\
                  [[rules]]\nid='My Rule'\nregex='''r-\\d+'''\ntags=['a']\ntokenEfficiency=true\nvalidate='v'\nfile='x'\n\
                  filter = '''entropy(finding.secret) <= 1.5 || attributes.x == \"y\"'''\n\
                  [rules.allowlist]\nfiles=['a']\n\
                  [[rules]]\nid='my_rule'\nregex='''q-\\d+'''\ntags=['b']\n";
    let rules = imported(config);
    let notes = notes(&rules);
    let expected = [
        "1: without `useDefault`",
        "2: `prefilter` is an expression",
        "3: the file: `news` is not known",
        "4: rule `My Rule` and one other rule: `tags`",
        "4: rule `My Rule` is called `imported.my-rule`",
        "`tokenEfficiency` was not carried over",
        "`validate` is an expression",
        "`file` is not known",
        "drops findings by `attributes.x == \"y\"`",
        "names no `commits`, `paths`, `regexes` or `stopwords`",
        "`files` is not known",
        "rule `my_rule` is called `imported.my-rule-2`",
    ];
    for expected in expected {
        assert!(notes.contains(expected), "{expected}\n{notes}");
    }
    let lines = rules.notes.len();
    assert_eq!(rules.text.lines().filter(|line| line.starts_with("# - ")).count(), lines, "{}", rules.text);
    assert_eq!(found_at(&rules, "r-11 r-12 q-1", file("a")), ["my-rule-2=q-1", "my-rule=r-12"].map(String::from));
}

#[test]
fn simple_filters_of_betterleaks_work() {
    let config = r#"
        filter = '''filter.matchesAny(attributes[?"path"].orValue(""), [r"""(?i)\.md$"""])'''
        [[rules]]
        id = 'r'
        regex = '''f-(\w+)'''
        filter = '''
            filter.entropy(finding["secret"]) <= 1.0
            || filter.containsAny(finding["line"], ["Example:"]) || finding.secret == 'abc'
        '''
    "#;
    let rules = imported(config);
    assert_eq!(found_at(&rules, "f-aaab f-abcd", file("a.txt")), ["r=abcd"]);
    assert_eq!(found_at(&rules, "Example: f-abcd", file("a.txt")), ["r=abcd (filter in line 6 of team.toml)"]);
    assert_eq!(found_at(&rules, "f-abcd", file("a.MD")), ["r=abcd (filter in line 2 of team.toml)"]);
}

#[test]
fn what_cannot_be_used_is_an_error_with_its_place() {
    let table = [
        (
            "[[rules]]\nid='r'\nregex='''a(?=b)'''\n",
            "team.toml:3: rule `r`: `regex` cannot be used: `(?=` looks around",
        ),
        ("[[rules]]\nid='r'\nregex='''(a'''\n", "team.toml:3: rule `r`: `regex` cannot be used"),
        ("[[rules]]\nid='r'\nregex='''(\\pL{900}){900}'''\n", "too large"),
        ("[[rules]]\nid='r'\npath='''['''\n", "team.toml:3: rule `r`: `path` cannot be used"),
        ("[[rules]]\nregex='''a'''\n", "team.toml:1: a rule has no `id`"),
        ("\n[[rules]]\nid='r'\n", "team.toml:2: rule `r` has neither `regex` nor `path`"),
        (
            "[[rules]]\nid='r'\nregex='''a'''\n[[rules]]\nid='r'\nregex='''b'''\n",
            "team.toml:4: rule `r` stands here twice",
        ),
        ("[[rules]]\nid='r'\nregex='''(a)'''\nsecretGroup=2\n", "team.toml:1: rule `r`: `secretGroup` is 2"),
        (
            "[[rules]]\nid='r'\nregex='''(a)'''\nsecretGroup=-1\n",
            "team.toml:4: rule `r`: `secretGroup` must be a whole number",
        ),
        ("[[rules]]\nid='r'\nregex=5\n", "team.toml:3: rule `r`: `regex` must be a text, not integer"),
        ("[[rules]]\nid='r'\nregex='''a'''\nkeywords=[1]\n", "`keywords` must be a list of texts"),
        ("[[rules]]\nid='r'\nregex='''a'''\nentropy='high'\n", "`entropy` must be a number"),
        (
            "[[rules]]\nid='r'\nregex='''a'''\n[rules.allowlist]\nregexes=['''(''']\n",
            "team.toml:5: an allowlist of rule `r`",
        ),
        (
            "[allowlist]\nregexTarget='lines'\nregexes=['a']\n",
            "team.toml:2: an allowlist of the file: `regexTarget` is",
        ),
        ("[allowlist]\ncondition='XOR'\nregexes=['a']\n", "`condition` is \"AND\" or \"OR\", not \"XOR\""),
        ("[[rules]]\nid='r'\nregex='''a'''\n[[rules.required]]\nid='x'\n", "it requires `x`, which is no rule"),
        ("[extend]\npath='none.toml'\n", "which [extend] names"),
        ("[extend]\npath='none.toml'\nuseDefault=true\n", "keep one of the two"),
        ("rules = 'x'\n", "`rules` must be a table or a list of tables"),
        ("[[rules]\n", "team.toml:1: "),
    ];
    for (config, expected) in table {
        let problem = problem(config);
        assert!(problem.contains(expected), "{config}\nexpected {expected}\ngot {problem}");
    }
    let both = problem("[[rules]]\nid='a'\nregex='''('''\n[[rules]]\nid='b'\nregex='''['''\n");
    assert_eq!(both.lines().count(), 2, "{both}");
}

#[test]
fn a_configuration_is_known_by_its_content() {
    let table = [
        ("[[rules]]\nid='r'\n", Some(true)),
        ("[extend]\nuseDefault=true\n", Some(true)),
        ("[allowlist]\npaths=['x']\n", Some(true)),
        ("title='x'\n", Some(true)),
        ("[rules]\npaths=['x']\n[[allow]]\nreason='x'\n", Some(false)),
        ("[provider]\nid='x'\n[[rule]]\n", Some(false)),
        ("", Some(false)),
        ("[[", None),
    ];
    for (text, expected) in table {
        assert_eq!(is_foreign(text), expected, "{text}");
    }
}

#[test]
fn the_file_that_is_written_says_the_same_again() {
    let config = "[[rules]]\nid='r'\ndescription=\"a \\\"b\\\" \\\\ \\u0001\"\nregex=\"it's \\\"\\\\w+\\\" '''\"\npath='''a'b\\.c'''\n\
                  keywords=['x\"y']\nentropy=3\n[rules.allowlist]\ndescription=\"two\\nlines\"\nregexes=['''\\d''']\n";
    let rules = imported(config);
    let checked = check_whole_file("out.toml", &rules.text).unwrap_or_else(|errors| panic!("{errors}\n{}", rules.text));
    let rule = &checked.rules[0].rule;
    let search = rule.form.search().unwrap();
    assert_eq!(rule.name, "a \"b\" \\ \u{1}");
    assert_eq!(search.pattern.as_deref(), Some("it's \"\\w+\" '''"));
    assert_eq!(search.path.as_deref(), Some("a'b\\.c"));
    assert_eq!((search.keywords.as_slice(), search.entropy), (&["x\"y".to_owned()][..], Some(3.0)));
    assert_eq!(search.allow[0].reason, "two\nlines");
}

#[test]
fn the_pack_refuses_searches_and_ones_own_files_are_checked() {
    let head = "[provider]\nid='own'\nname='Own'\n[[rule]]\nid='own.key'\nname='Key'\nseverity='low'\n";
    let table = [
        ("search='a'\npattern='b'\n", "not several"),
        ("search='('\n", "own.toml:8: rule `own.key`: `search` does not parse"),
        ("search='a'\nsecret-group=1\n", "`secret-group` is 1"),
        ("search='a'\nwithin=5\n", "are for a `pattern`"),
        ("path='a'\nentropy=1.0\n", "need a `search`"),
        (
            "pattern='abcd'\nentropy=1.0\nreferences=['x']\nexamples={match=['a','b'],no-match=['c','d']}\n",
            "need a `search`",
        ),
        ("search='a'\n[[rule.allow]]\nvalues=['a']\n", "needs a `reason`"),
        ("search='a'\n[[rule.allow]]\nreason='x'\n", "do not cover everything"),
        ("search='a'\n[[rule.allow]]\nreason='x'\nrules=['own.key']\n", "of the whole file"),
        ("search='a'\n[[allow]]\nreason='x'\nrules=['*']\n", "do not cover everything"),
        ("search='a'\n[[allow]]\nreason='x'\nlines=['(']\n", "`lines` does not parse"),
    ];
    for (rest, expected) in table {
        let errors = check_whole_file("own.toml", &format!("{head}{rest}")).err().map(|errors| errors.to_string());
        assert!(errors.as_deref().unwrap_or_default().contains(expected), "{rest}: {errors:?}");
    }
    let good = check_whole_file("own.toml", &format!("{head}search='a.*b'\n[[allow]]\nreason='x'\nrules=['own.*']\n"));
    let good = good.unwrap_or_else(|errors| panic!("{errors}"));
    let refused = stopleak_core::rule::check::check_embedded("own.toml", &good).unwrap_err().to_string();
    assert!(refused.contains("for rules of one's own"), "{refused}");
    let unknown = format!("{head}search='a'\nrequired=[{{rule='own.none'}}]\n");
    let errors = RuleSet::load_with(&[("own.toml".into(), unknown)], &[], &[]).unwrap_err().to_string();
    assert!(errors.contains("required `own.none` is no rule"), "{errors}");
}

#[test]
fn a_long_stream_is_searched_in_windows_and_says_so() {
    let rules = imported(&rule("regex = '''(?m)^long-([a-z0-9]+)$'''"));
    let engine = engine(&rules);
    let filler = "an ordinary line of a log that goes on for a while\n";
    let mut text = String::new();
    let mut expected = Vec::new();
    while text.len() < 36 << 20 {
        text.push_str(&filler.repeat(1_999));
        let value = random(12, expected.len() as u64 + 1).to_lowercase();
        text.push_str(&format!("long-{value}\n"));
        expected.push(format!("r={value}"));
    }
    let (findings, warnings, _) = scan_reader(&engine, &mut text.as_bytes(), 4 << 20, Origin::Stdin);
    let lines: Vec<u32> = findings.iter().map(|finding| finding.occurrences[0].position.line).collect();
    assert!(lines.iter().all(|line| line % 2_000 == 0), "{lines:?}");
    assert!(findings.iter().all(|finding| finding.occurrences.len() == 1));
    expected.sort();
    assert_eq!(shown(findings), expected);
    assert!(warnings.iter().any(|warning| warning.code == "search-windows" && !warning.unscanned), "{warnings:?}");
    let short = &text[..10 << 20];
    let (_, warnings, _) = scan_reader(&engine, &mut short.as_bytes(), 4 << 20, Origin::Stdin);
    assert!(warnings.is_empty(), "{warnings:?}");
}

#[test]
fn more_matches_than_are_kept_are_counted() {
    let rules = imported(&rule("regex = '''m-\\d+'''"));
    let text: String = (0..12_000).map(|number| format!("m-{number}\n")).collect();
    let (findings, warnings) = scan_bytes(&engine(&rules), text.as_bytes(), file("a"));
    assert_eq!(findings.len(), 1_000);
    assert!(warnings[0].message.contains("11000 were left out"), "{warnings:?}");
    assert!(warnings[0].unscanned);
}

#[test]
fn no_text_makes_the_import_panic() {
    let whole = "[extend]\nuseDefault=true\n[[rules]]\nid='r'\nregex='''a[b]{2}(c)'''\nkeywords=['x']\nsecretGroup=1\n\
                 filter='''(entropy(finding.secret) <= 3.0) || x(\"'''\n[[rules.allowlists]]\npaths=['''x''']\n";
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("cut.toml");
    let try_one = |path: &Path, text: &str| {
        std::fs::write(path, text).unwrap();
        _ = import(path);
    };
    for at in 0..whole.len() {
        try_one(&path, &whole[..at]);
        try_one(&path, &format!("{}{}", &whole[..at], &whole[at + 1..]));
    }
}

#[test]
fn a_mask_in_pieces_masks_what_the_whole_masks() {
    let rules = imported(&rule("regex = '''own: (\\S+)'''"));
    let engine = engine(&rules);
    let mut text = String::new();
    for seed in 0..400 {
        let value = random(20, seed + 1);
        let line = match seed % 4 {
            0 => format!("own: {value} and {}\n", crate::made::token(seed)),
            1 => format!("K={} then own: {value}\n", crate::made::token(seed)),
            _ => "an ordinary line of a log that goes on for quite a while, as they do\n".repeat(3),
        };
        text.push_str(&line);
    }
    let mask = |piece: usize, pauses: bool| {
        let mut mask = Mask::new(&engine, Gate::default());
        let mut out = Vec::new();
        for piece in text.as_bytes().chunks(piece) {
            mask.write(piece, &mut out);
            if pauses {
                mask.pause(&mut out);
            }
        }
        mask.finish(&mut out);
        String::from_utf8(out).unwrap()
    };
    let whole = mask(text.len(), false);
    assert_eq!(whole.matches("[stopleak:imported.r]").count(), 200);
    assert_eq!(whole.matches("[stopleak:huggingface.user-access-token]").count(), 200);
    for piece in [7, 64, 1_000, 50_000] {
        assert_eq!(mask(piece, false), whole, "pieces of {piece}");
        assert_eq!(mask(piece, true), whole, "pieces of {piece} with pauses");
    }
}
