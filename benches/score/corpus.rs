//! The training corpus: generated secrets in generated and in real surroundings, and the values of real code.

use std::ops::Range;

/// A small generator of fixed seed: splitmix64.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((z ^ (z >> 31)) % limit as u64) as usize
    }

    pub fn pick<'a, T: ?Sized>(&mut self, list: &[&'a T]) -> &'a T {
        list[self.below(list.len())]
    }

    fn draw(&mut self, alphabet: &str, len: usize) -> String {
        (0..len).map(|_| alphabet.as_bytes()[self.below(alphabet.len())] as char).collect()
    }
}

const LOWER: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPER: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const DIGITS: &str = "0123456789";
const LENGTHS: [usize; 14] = [10, 12, 16, 18, 20, 22, 24, 28, 30, 32, 36, 40, 48, 64];

/// A generated secret and the kind it is of; `password` allows the kinds that only passwords have.
pub fn secret(dice: &mut Dice, password: bool) -> (&'static str, String) {
    let len = LENGTHS[dice.below(LENGTHS.len())];
    let all = [LOWER, UPPER, DIGITS].concat();
    if password && dice.below(2) == 0 {
        let symbols = [&all, "!@#%^*+-_=.?~$&()"].concat();
        return match dice.below(6) {
            0 if dice.below(2) == 0 => ("password, lower case and digits", with_digit(dice, &[LOWER, DIGITS].concat())),
            0 => ("password, random letters and digits", with_digit(dice, &all)),
            1 | 2 => ("password, random with symbols", draw_between(dice, &symbols, 6, 20)),
            3 => ("password, random letters", draw_between(dice, &[LOWER, UPPER].concat(), 6, 16)),
            4 => ("password, random lower-case letters", draw_between(dice, LOWER, 6, 16)),
            _ => ("password, made by a person", human(dice)),
        };
    }
    match dice.below(12) {
        0 | 1 => ("hex", dice.draw("0123456789abcdef", len)),
        2 => ("HEX", dice.draw("0123456789ABCDEF", len)),
        3 => ("base32", dice.draw(&[UPPER, "234567"].concat(), len)),
        4 => {
            let text = dice.draw(&[&all, "+/"].concat(), len);
            ("base64", if len % 4 == 2 { text + "==" } else { text })
        }
        5 => ("base64url", dice.draw(&[&all, "-_"].concat(), len)),
        6 | 7 => ("alphanumeric", dice.draw(&all, len)),
        8 => ("lower and digits", dice.draw(&[LOWER, DIGITS].concat(), len)),
        9 => ("symbols", dice.draw(&[&all, "!@#%^*+-_=.?~"].concat(), len.min(32))),
        10 if dice.below(4) == 0 => ("uuid", uuid(dice)),
        _ => {
            let prefix = dice.pick::<str>(&["sk_", "key-", "live_", "pat-", "app.", "srv_prod_", "tok_"]);
            ("prefixed", format!("{prefix}{}", dice.draw(&all, len)))
        }
    }
}

fn draw_between(dice: &mut Dice, alphabet: &str, from: usize, to: usize) -> String {
    let len = from + dice.below(to - from);
    dice.draw(alphabet, len)
}

fn with_digit(dice: &mut Dice, alphabet: &str) -> String {
    draw_between(dice, alphabet, 5, 14) + &dice.draw(DIGITS, 1)
}

fn uuid(dice: &mut Dice) -> String {
    [8, 4, 4, 4, 12].map(|len| dice.draw("0123456789abcdef", len)).join("-")
}

/// A password as people make them: a word, twisted, with digits and a symbol.
fn human(dice: &mut Dice) -> String {
    const WORDS: [&str; 24] = [
        "summer", "dragon", "monkey", "winter", "shadow", "master", "sunshine", "football", "silver", "orange",
        "purple", "coffee", "london", "berlin", "tiger", "rocket", "garden", "flower", "window", "castle", "freedom",
        "thunder", "phoenix", "blue",
    ];
    let mut word = dice.pick::<str>(&WORDS).to_owned();
    if dice.below(2) == 0 {
        word[..1].make_ascii_uppercase();
    }
    if dice.below(3) == 0 {
        word = word.replacen('o', "0", 1).replacen('e', "3", 1).replacen('a', "@", 1);
    }
    let digits = 2 + dice.below(3);
    let digits = dice.draw(DIGITS, digits);
    let symbol = dice.pick::<str>(&["!", "#", "@", "$", "", "*", "?", "!!"]);
    if dice.below(4) == 0 { format!("{word}{symbol}{digits}") } else { format!("{word}{digits}{symbol}") }
}

/// A name that sounds like a credential, whether it is a password's, and the keyword in it.
pub fn name(dice: &mut Dice) -> (String, bool) {
    const PASSWORDS: [&str; 6] = ["password", "passwd", "password", "password", "passphrase", "userpass"];
    const OTHERS: [&str; 20] = [
        "secret",
        "client_secret",
        "secret_key",
        "token",
        "auth_token",
        "access_token",
        "api_key",
        "apikey",
        "api_secret",
        "access_key",
        "private_key",
        "encryption_key",
        "signing_key",
        "api_token",
        "key",
        "salt",
        "auth",
        "nonce",
        "credentials",
        "secret",
    ];
    const PREFIXES: [&str; 16] = [
        "", "", "", "", "db", "app", "prod", "admin", "mail", "smtp", "redis", "payment", "backup", "root", "service",
        "cloud",
    ];
    let password = dice.below(5) < 2;
    let base = if password { dice.pick::<str>(&PASSWORDS) } else { dice.pick::<str>(&OTHERS) };
    let prefix = dice.pick::<str>(&PREFIXES);
    let words: Vec<&str> = prefix.split('_').chain(base.split('_')).filter(|word| !word.is_empty()).collect();
    let name = match dice.below(5) {
        0 | 1 => words.join("_"),
        2 => words.join("_").to_uppercase(),
        3 => words.join("-"),
        _ => {
            let mut name = words[0].to_owned();
            for word in &words[1..] {
                name.push_str(&word[..1].to_uppercase());
                name.push_str(&word[1..]);
            }
            name
        }
    };
    (name, password)
}

/// Lines in which `KEY` and `VALUE` are replaced; some come with what stands around such lines.
pub const LINES: [&str; 54] = [
    "String KEY = \"VALUE\";",
    "private static final String KEY = \"VALUE\";",
    "let KEY = \"VALUE\";",
    "let KEY: &str = \"VALUE\";",
    "const KEY = 'VALUE';",
    "const KEY: string = \"VALUE\";",
    "    KEY: 'VALUE',",
    "    \"KEY\": \"VALUE\",",
    "    'KEY' => 'VALUE',",
    "$KEY = 'VALUE';",
    "$config['KEY'] = 'VALUE';",
    "KEY = \"VALUE\"",
    "KEY = 'VALUE'  # rotated last month",
    "    KEY := \"VALUE\"",
    "var KEY = \"VALUE\"",
    "@KEY = \"VALUE\"",
    "  self.KEY = \"VALUE\"",
    "    KEY=\"VALUE\",",
    "client = Client(host, KEY=\"VALUE\", timeout=30)",
    "builder.KEY(\"VALUE\")",
    "config.set(\"KEY\", \"VALUE\");",
    "props.put(\"KEY\", \"VALUE\");",
    "os.environ[\"KEY\"] = \"VALUE\"",
    "os.environ.get(\"KEY\", \"VALUE\")",
    "const KEY = process.env.KEY || \"VALUE\";",
    "char KEY[] = \"VALUE\";",
    "#define KEY \"VALUE\"",
    "export KEY=VALUE",
    "export KEY=\"VALUE\"",
    "KEY=VALUE",
    "KEY=VALUE",
    "KEY='VALUE'",
    "set KEY=VALUE",
    "ENV KEY=VALUE",
    "ARG KEY=VALUE",
    "  KEY: VALUE",
    "  KEY: VALUE",
    "  KEY: \"VALUE\"",
    "    - KEY=VALUE",
    "      - name: KEY\n        value: \"VALUE\"",
    "KEY = VALUE",
    "app.KEY=VALUE",
    "<KEY>VALUE</KEY>",
    "<add key=\"KEY\" value=\"VALUE\" />",
    "<property name=\"KEY\" value=\"VALUE\"/>",
    "{\"user\": \"svc\", \"KEY\": \"VALUE\"}",
    "variable \"KEY\" {\n  default = \"VALUE\"\n}",
    "docker run -e KEY=VALUE app",
    "tool --KEY=VALUE deploy",
    "tool --KEY VALUE deploy",
    "curl -H \"KEY: VALUE\" https://api.internal.example/v1",
    "https://api.internal.example/v1?KEY=VALUE&limit=10",
    "Server=db01;User Id=svc;KEY=VALUE;Timeout=30",
    "INFO connecting with KEY: VALUE",
];

/// A generated line with its neighbours; the ranges of name and value.
pub fn line(dice: &mut Dice) -> (&'static str, Vec<u8>, Range<usize>) {
    let (name, password) = name(dice);
    let (kind, value) = secret(dice, password);
    let template = dice.pick::<str>(&LINES);
    let before = dice.pick::<str>(&["", "\n", "import os\n\n", "  host: db01\n", "// settings\n", "{\n", "user=svc\n"]);
    let text = format!("{before}{}\nnext line\n", template.replace("KEY", &name).replace("VALUE", &value));
    let start = text.find(&value).unwrap_or_default();
    (kind, text.into_bytes(), start..start + value.len())
}
