//! The words that names, values and lines are made of, and what each of them means.

/// Stands where a secret would go: `example`, `changeme`, `your`.
pub const PLACEHOLDER: u32 = 1;
/// Names a secret instead of being one: `password`, `token`.
pub const CREDENTIAL: u32 = 1 << 1;
/// A line with it is about digests and other public values.
pub const DIGEST: u32 = 1 << 2;
/// A line with it shows rather than uses.
pub const SHOWING: u32 = 1 << 3;
/// A line with it is a test's.
pub const TESTING: u32 = 1 << 4;
/// After a credential's name: something about it (`password_field`, `key_id`).
pub const ABOUT: u32 = 1 << 5;
/// Turns a name: `is_secret`, `max_tokens`, `get_password`.
pub const TURNS: u32 = 1 << 6;
/// `test`, `fake`, `example` in a name.
pub const PRETENDS: u32 = 1 << 7;
/// Before `key`: a key that opens something.
pub const KEY_OF: u32 = 1 << 8;
/// `hash`, `digest` in a name.
pub const NAMED_DIGEST: u32 = 1 << 9;
/// `public_key`, `publishable_key`.
pub const PUBLIC: u32 = 1 << 10;
/// Tokens that open nothing for long: `csrf_token`, `next_page_token`.
pub const TRANSIENT: u32 = 1 << 11;
/// Heads of names, one bit each.
pub const PASSWORD: u32 = 1 << 12;
pub const SECRET: u32 = 1 << 13;
pub const TOKEN: u32 = 1 << 14;
pub const NAMED_KEY: u32 = 1 << 15;
pub const KEY: u32 = 1 << 16;
pub const ACCESS: u32 = 1 << 17;

const LISTS: &[(u32, &str)] = &[
    (
        PLACEHOLDER,
        "example examples sample samples dummy fake mock mocked test tests testing your my changeme change \
         changeit placeholder redacted insert todo foo bar baz foobar foobarbaz qux replace replaceme here enter \
         goes some any none null undefined default demo lorem ipsum hidden masked censored removed invalid wrong \
         bad expired unknown empty blah asdf asdfgh qwerty qwertyuiop abc abcd abcde abcdef abcdefg abcdefgh xyz \
         temp tmp notreal value string testtest xxx xxxx xxxxx xxxxxx xxxxxxxx yyyy zzzz aaaa aaaaaaaa random \
         secretsecret testsecret testtoken testpassword stub set provided required optional ignored unused \
         obfuscated filtered notasecret yourpassword yourpass yoursecret yourtoken yourkey yourapikey \
         randompassword randomsecret",
    ),
    (
        CREDENTIAL,
        "password passwords passwd pwd pass passphrase secret secrets token tokens key keys apikey auth \
         authorization credential credentials login user username admin root guest session cookie bearer \
         mypassword mysecret mytoken supersecret topsecret letmein sekret secretkey secrettoken accesstoken \
         userpassword hunter mypass mykey userpass dbpass rootpass",
    ),
    (
        DIGEST,
        "sha md checksum checksums integrity digest digests hash hashes commit etag fingerprint revision blake \
         hmac signature thumbprint crc",
    ),
    (SHOWING, "example examples sample eg dummy fake mock placeholder demo usage documentation docs"),
    (
        TESTING,
        "assert asserts assertequal expect expects expected test tests should it fixture fixtures mocks stub spec \
         describe testing want got",
    ),
    (
        ABOUT,
        "id ids name names type types url uri urls path paths file files filename dir directory folder label \
         labels field fields length len size count index idx pos position start end kind format formatted prefix \
         suffix regex regexp pattern validator validation policy placeholder hint message msg error errors title \
         text desc description help env envvar var variable column param params parameter header headers expiry \
         expires expired expiration expire timeout ttl date time timestamp class style icon input form page view \
         link endpoint algorithm alg algo method mode scheme provider manager service handler factory generator \
         encoder store ref reference version status state enabled required parser screen button dialog prompt \
         reset strength rule rules template selector locator xpath constant hash hashes hashed digest checksum \
         fingerprint issuer audience subject source location host domain address user username role scope scopes \
         group namespace arn alias color module package plugin backend driver protocol strategy level limit max \
         min event action callback exception failed failure invalid valid match mismatch confirmation change \
         changed cache map list set array table schema model entity object resource usage info metadata data \
         config settings options option code codes",
    ),
    (
        TURNS,
        "is has get no num max min invalid missing wrong forgot forgotten lost reset enter confirm show hide \
         toggle primary foreign partition sort cache translation i label require requires allow use find check \
         validate verify parse count total author stop eos bos pad unk sep cls expected unexpected host known \
         error err",
    ),
    (PRETENDS, "test tests testing fake mock dummy example sample demo stub"),
    (
        KEY_OF,
        "api private access secret encryption signing master auth shared account storage app application client \
         license consumer service admin write read server session cipher crypt crypto aes hmac jwt ssh rest \
         subscription functions host deploy integration ingest",
    ),
    (NAMED_DIGEST, "hash hashes digest checksum sha md fingerprint"),
    (PUBLIC, "public pub publishable"),
    (
        TRANSIENT,
        "csrf xsrf authenticity antiforgery next page continuation cursor sync resume cancellation lexer \
         parser",
    ),
    (
        PASSWORD,
        "password passwords passwd pwd pw pass passphrase passcode userpass pswd passwrd psw identified \
         requirepass passw pword passwort motdepasse contrasena senha kennwort wachtwoord haslo heslo jelszo parola clave curl",
    ),
    (SECRET, "secret secrets"),
    (TOKEN, "token tokens jwt pat"),
    (
        NAMED_KEY,
        "apikey apikeys accesskey secretkey privatekey authkey masterkey appkey encryptionkey signingkey \
         sharedkey sharedaccesskey accountkey licensekey",
    ),
    (KEY, "key keys salt salts nonce seed pepper"),
    (ACCESS, "auth authorization credential credentials cred creds bearer sid session sessionid cookie authentication"),
];

/// Calls `visit` with each word of `text` in lower case and what it means (0 when unknown): runs of letters, split where
/// `aB` changes case, cut after 20 letters.
pub fn each_word(text: &[u8], mut visit: impl FnMut(&[u8], u32)) {
    let mut word = [0u8; LONGEST];
    let (mut len, mut hash, mut last_lower) = (0, SEED, false);
    for &byte in text {
        let letter = byte.is_ascii_alphabetic();
        if len > 0 && (!letter || (byte.is_ascii_uppercase() && last_lower)) {
            visit(&word[..len], meaning(&word[..len], hash));
            (len, hash) = (0, SEED);
        }
        if letter && len < LONGEST {
            word[len] = byte | 0x20;
            hash = mix(hash, word[len]);
            len += 1;
        }
        last_lower = byte.is_ascii_lowercase();
    }
    if len > 0 {
        visit(&word[..len], meaning(&word[..len], hash));
    }
}

const LONGEST: usize = 20;
const SLOTS: usize = 2048;
const SEED: u32 = 0x811c_9dc5;

const fn mix(hash: u32, byte: u8) -> u32 {
    (hash ^ byte as u32).wrapping_mul(0x0100_0193)
}

const fn slot(hash: u32) -> usize {
    ((hash ^ (hash >> 15)) as usize) % SLOTS
}

fn meaning(word: &[u8], hash: u32) -> u32 {
    let mut at = slot(hash);
    loop {
        let (known, meaning) = TABLE[at];
        if known.is_empty() || known.as_bytes() == word {
            return meaning;
        }
        at = (at + 1) % SLOTS;
    }
}

/// Every word at the place its hash gives, or the next free one; a word in several lists has all their meanings.
static TABLE: [(&str, u32); SLOTS] = {
    let mut table = [("", 0); SLOTS];
    let mut list = 0;
    while list < LISTS.len() {
        let (meaning, words) = LISTS[list];
        let mut start = 0;
        while start < words.len() {
            let mut end = start;
            let mut hash = SEED;
            while end < words.len() && words.as_bytes()[end] != b' ' {
                hash = mix(hash, words.as_bytes()[end]);
                end += 1;
            }
            let word = words.split_at(end).0.split_at(start).1;
            let mut at = slot(hash);
            while !table[at].0.is_empty() && !same(table[at].0, word) {
                at = (at + 1) % SLOTS;
            }
            table[at] = (word, table[at].1 | meaning);
            start = end + 1;
        }
        list += 1;
    }
    table
};

const fn same(a: &str, b: &str) -> bool {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    if a.len() != b.len() {
        return false;
    }
    let mut index = 0;
    while index < a.len() {
        if a[index] != b[index] {
            return false;
        }
        index += 1;
    }
    true
}
