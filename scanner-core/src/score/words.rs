//! Splits names and values into words and knows what some of them mean.

/// Calls `visit` with each word of `text` in lower case: runs of letters, split where `aB` changes case.
/// Words longer than 20 letters are cut.
pub fn each_word(text: &[u8], mut visit: impl FnMut(&[u8])) {
    let mut word = [0u8; 20];
    let mut len = 0;
    let mut last_lower = false;
    for &byte in text {
        let letter = byte.is_ascii_alphabetic();
        if len > 0 && (!letter || (byte.is_ascii_uppercase() && last_lower)) {
            visit(&word[..len]);
            len = 0;
        }
        if letter && len < word.len() {
            word[len] = byte | 0x20;
            len += 1;
        }
        last_lower = byte.is_ascii_lowercase();
    }
    if len > 0 {
        visit(&word[..len]);
    }
}

/// A word that stands where a secret would go: `example`, `changeme`, `your`.
pub fn is_placeholder(word: &[u8]) -> bool {
    matches!(
        word,
        b"example"
            | b"examples"
            | b"sample"
            | b"samples"
            | b"dummy"
            | b"fake"
            | b"mock"
            | b"mocked"
            | b"test"
            | b"tests"
            | b"testing"
            | b"your"
            | b"my"
            | b"changeme"
            | b"change"
            | b"changeit"
            | b"placeholder"
            | b"redacted"
            | b"insert"
            | b"todo"
            | b"foo"
            | b"bar"
            | b"baz"
            | b"foobar"
            | b"foobarbaz"
            | b"qux"
            | b"replace"
            | b"replaceme"
            | b"here"
            | b"enter"
            | b"goes"
            | b"some"
            | b"any"
            | b"none"
            | b"null"
            | b"undefined"
            | b"default"
            | b"demo"
            | b"lorem"
            | b"ipsum"
            | b"hidden"
            | b"masked"
            | b"censored"
            | b"removed"
            | b"invalid"
            | b"wrong"
            | b"bad"
            | b"expired"
            | b"unknown"
            | b"empty"
            | b"blah"
            | b"asdf"
            | b"asdfgh"
            | b"qwerty"
            | b"qwertyuiop"
            | b"abc"
            | b"abcd"
            | b"abcde"
            | b"abcdef"
            | b"abcdefg"
            | b"abcdefgh"
            | b"xyz"
            | b"temp"
            | b"tmp"
            | b"notreal"
            | b"value"
            | b"string"
            | b"testtest"
            | b"xxx"
            | b"xxxx"
            | b"xxxxx"
            | b"xxxxxx"
            | b"xxxxxxxx"
            | b"yyyy"
            | b"zzzz"
            | b"aaaa"
            | b"aaaaaaaa"
            | b"random"
            | b"secretsecret"
            | b"testsecret"
            | b"testtoken"
            | b"testpassword"
            | b"testing123"
            | b"stub"
            | b"set"
            | b"provided"
            | b"required"
            | b"optional"
            | b"ignored"
            | b"unused"
            | b"obfuscated"
            | b"filtered"
            | b"notasecret"
    )
}

/// A word that names a secret instead of being one: `password`, `token`.
pub fn is_credential(word: &[u8]) -> bool {
    matches!(
        word,
        b"password"
            | b"passwords"
            | b"passwd"
            | b"pwd"
            | b"pass"
            | b"passphrase"
            | b"secret"
            | b"secrets"
            | b"token"
            | b"tokens"
            | b"key"
            | b"keys"
            | b"apikey"
            | b"auth"
            | b"authorization"
            | b"credential"
            | b"credentials"
            | b"login"
            | b"user"
            | b"username"
            | b"admin"
            | b"root"
            | b"guest"
            | b"session"
            | b"cookie"
            | b"bearer"
            | b"mypassword"
            | b"mysecret"
            | b"mytoken"
            | b"supersecret"
            | b"topsecret"
            | b"letmein"
            | b"sekret"
            | b"secretkey"
            | b"secrettoken"
            | b"accesstoken"
            | b"userpassword"
            | b"hunter"
    )
}

/// A word of a line that is about digests and other public values.
pub fn is_digest(word: &[u8]) -> bool {
    matches!(
        word,
        b"sha"
            | b"md"
            | b"checksum"
            | b"checksums"
            | b"integrity"
            | b"digest"
            | b"digests"
            | b"hash"
            | b"hashes"
            | b"commit"
            | b"etag"
            | b"fingerprint"
            | b"revision"
            | b"blake"
            | b"hmac"
            | b"signature"
            | b"thumbprint"
            | b"crc"
    )
}

/// A word of a line that shows rather than uses.
pub fn is_showing(word: &[u8]) -> bool {
    matches!(
        word,
        b"example"
            | b"examples"
            | b"sample"
            | b"eg"
            | b"dummy"
            | b"fake"
            | b"mock"
            | b"placeholder"
            | b"demo"
            | b"usage"
            | b"documentation"
            | b"docs"
    )
}

/// A word of a line of a test.
pub fn is_testing(word: &[u8]) -> bool {
    matches!(
        word,
        b"assert"
            | b"asserts"
            | b"assertequal"
            | b"expect"
            | b"expects"
            | b"expected"
            | b"test"
            | b"tests"
            | b"should"
            | b"it"
            | b"fixture"
            | b"fixtures"
            | b"mocks"
            | b"stub"
            | b"spec"
            | b"describe"
            | b"testing"
            | b"want"
            | b"got"
    )
}
