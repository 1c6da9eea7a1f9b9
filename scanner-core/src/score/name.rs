//! What the name of a value promises: a password, a secret, a token, a key, or something about one.

use super::words::each_word;

/// What the head of a name stands for, weakest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Head {
    /// Nothing that sounds like a credential.
    #[default]
    Other,
    /// `auth`, `credentials`, `session`.
    Access,
    /// `key` with nothing before it.
    Key,
    /// `token`.
    Token,
    /// `api_key`, `private_key`, `access_key`.
    NamedKey,
    /// `secret`.
    Secret,
    /// `password` and its short forms.
    Password,
}

/// A name, read.
#[derive(Clone, Copy, Debug, Default)]
pub struct Name {
    /// The last word that sounds like a credential.
    pub head: Head,
    /// A later word says it is something about a credential: `password_field`, `token_type`, `key_id`.
    pub about: bool,
    /// An earlier word turns it: `public_key`, `is_secret`, `max_tokens`, `get_password`.
    pub turned: bool,
    /// `test`, `fake`, `example`.
    pub pretend: bool,
    /// `hash`, `digest`, `checksum`.
    pub digest: bool,
}

/// Reads a name.
pub fn read(name: &[u8]) -> Name {
    let mut found = Name::default();
    let mut named_key = false;
    each_word(name, |word| {
        let head = head(word, named_key);
        named_key = names_a_key(word);
        if head != Head::Other {
            (found.head, found.about, found.digest) = (head, false, false);
        } else if is_about(word) {
            found.about = true;
        }
        found.digest |= matches!(word, b"hash" | b"hashes" | b"digest" | b"checksum" | b"sha" | b"md" | b"fingerprint");
        found.turned |= turns(word);
        found.pretend |= pretends(word);
    });
    found
}

fn head(word: &[u8], named_key: bool) -> Head {
    match word {
        b"password" | b"passwords" | b"passwd" | b"pwd" | b"pw" | b"pass" | b"passphrase" | b"passcode"
        | b"userpass" | b"pswd" | b"passwrd" | b"psw" | b"identified" | b"requirepass" | b"passw" | b"pword" => {
            Head::Password
        }
        b"secret" | b"secrets" => Head::Secret,
        b"token" | b"tokens" | b"jwt" | b"pat" => Head::Token,
        b"apikey" | b"apikeys" | b"accesskey" | b"secretkey" | b"privatekey" | b"authkey" | b"masterkey"
        | b"appkey" | b"encryptionkey" | b"signingkey" | b"sharedkey" | b"sharedaccesskey" | b"accountkey"
        | b"licensekey" => Head::NamedKey,
        b"key" | b"keys" if named_key => Head::NamedKey,
        b"key" | b"keys" => Head::Key,
        b"auth" | b"authorization" | b"credential" | b"credentials" | b"cred" | b"creds" | b"bearer" | b"sid"
        | b"session" | b"sessionid" | b"cookie" | b"authentication" => Head::Access,
        _ => joined(word),
    }
}

/// A word written without a joint: `dbpassword`, `clientsecret`, `accesstoken`.
fn joined(word: &[u8]) -> Head {
    const ENDS: [(&[u8], Head); 9] = [
        (b"password", Head::Password),
        (b"passwd", Head::Password),
        (b"passphrase", Head::Password),
        (b"pwd", Head::Password),
        (b"pass", Head::Password),
        (b"secret", Head::Secret),
        (b"token", Head::Token),
        (b"apikey", Head::NamedKey),
        (b"secretkey", Head::NamedKey),
    ];
    if word.len() < 5 || matches!(word, b"bypass" | b"compass") {
        return Head::Other;
    }
    ENDS.iter().find(|(end, _)| word.ends_with(end)).map_or(Head::Other, |(_, head)| *head)
}

fn names_a_key(word: &[u8]) -> bool {
    matches!(
        word,
        b"api"
            | b"private"
            | b"access"
            | b"secret"
            | b"encryption"
            | b"signing"
            | b"master"
            | b"auth"
            | b"shared"
            | b"account"
            | b"storage"
            | b"app"
            | b"application"
            | b"client"
            | b"license"
            | b"consumer"
            | b"service"
            | b"admin"
            | b"write"
            | b"read"
            | b"server"
            | b"session"
            | b"cipher"
            | b"crypt"
            | b"crypto"
            | b"aes"
            | b"hmac"
            | b"jwt"
            | b"ssh"
            | b"rest"
            | b"subscription"
            | b"functions"
            | b"host"
            | b"deploy"
            | b"integration"
            | b"ingest"
    )
}

fn is_about(word: &[u8]) -> bool {
    matches!(
        word,
        b"id"
            | b"ids"
            | b"name"
            | b"names"
            | b"type"
            | b"types"
            | b"url"
            | b"uri"
            | b"urls"
            | b"path"
            | b"paths"
            | b"file"
            | b"files"
            | b"filename"
            | b"dir"
            | b"directory"
            | b"folder"
            | b"label"
            | b"labels"
            | b"field"
            | b"fields"
            | b"length"
            | b"len"
            | b"size"
            | b"count"
            | b"index"
            | b"idx"
            | b"pos"
            | b"position"
            | b"start"
            | b"end"
            | b"kind"
            | b"format"
            | b"formatted"
            | b"prefix"
            | b"suffix"
            | b"regex"
            | b"regexp"
            | b"pattern"
            | b"validator"
            | b"validation"
            | b"policy"
            | b"placeholder"
            | b"hint"
            | b"message"
            | b"msg"
            | b"error"
            | b"errors"
            | b"title"
            | b"text"
            | b"desc"
            | b"description"
            | b"help"
            | b"env"
            | b"envvar"
            | b"var"
            | b"variable"
            | b"column"
            | b"param"
            | b"params"
            | b"parameter"
            | b"header"
            | b"headers"
            | b"expiry"
            | b"expires"
            | b"expired"
            | b"expiration"
            | b"expire"
            | b"timeout"
            | b"ttl"
            | b"date"
            | b"time"
            | b"timestamp"
            | b"class"
            | b"style"
            | b"icon"
            | b"input"
            | b"form"
            | b"page"
            | b"view"
            | b"link"
            | b"endpoint"
            | b"algorithm"
            | b"alg"
            | b"algo"
            | b"method"
            | b"mode"
            | b"scheme"
            | b"provider"
            | b"manager"
            | b"service"
            | b"handler"
            | b"factory"
            | b"generator"
            | b"encoder"
            | b"store"
            | b"ref"
            | b"reference"
            | b"version"
            | b"status"
            | b"state"
            | b"enabled"
            | b"required"
            | b"parser"
            | b"screen"
            | b"button"
            | b"dialog"
            | b"prompt"
            | b"reset"
            | b"strength"
            | b"rule"
            | b"rules"
            | b"template"
            | b"selector"
            | b"locator"
            | b"xpath"
            | b"constant"
            | b"hash"
            | b"hashes"
            | b"hashed"
            | b"digest"
            | b"checksum"
            | b"fingerprint"
            | b"issuer"
            | b"audience"
            | b"subject"
            | b"source"
            | b"location"
            | b"host"
            | b"domain"
            | b"address"
            | b"user"
            | b"username"
            | b"role"
            | b"scope"
            | b"scopes"
            | b"group"
            | b"namespace"
            | b"arn"
            | b"alias"
            | b"color"
            | b"module"
            | b"package"
            | b"plugin"
            | b"backend"
            | b"driver"
            | b"protocol"
            | b"strategy"
            | b"level"
            | b"limit"
            | b"max"
            | b"min"
            | b"event"
            | b"action"
            | b"callback"
            | b"exception"
            | b"failed"
            | b"failure"
            | b"invalid"
            | b"valid"
            | b"match"
            | b"mismatch"
            | b"confirmation"
            | b"change"
            | b"changed"
            | b"cache"
            | b"map"
            | b"list"
            | b"set"
            | b"array"
            | b"table"
            | b"schema"
            | b"model"
            | b"entity"
            | b"object"
            | b"resource"
            | b"usage"
            | b"info"
            | b"metadata"
            | b"data"
            | b"config"
            | b"settings"
            | b"options"
            | b"option"
            | b"code"
            | b"codes"
    )
}

fn turns(word: &[u8]) -> bool {
    matches!(
        word,
        b"public"
            | b"pub"
            | b"is"
            | b"has"
            | b"get"
            | b"no"
            | b"num"
            | b"max"
            | b"min"
            | b"invalid"
            | b"missing"
            | b"wrong"
            | b"forgot"
            | b"forgotten"
            | b"lost"
            | b"reset"
            | b"enter"
            | b"confirm"
            | b"show"
            | b"hide"
            | b"toggle"
            | b"primary"
            | b"foreign"
            | b"partition"
            | b"sort"
            | b"cache"
            | b"publishable"
            | b"translation"
            | b"i"
            | b"label"
            | b"csrf"
            | b"xsrf"
            | b"require"
            | b"requires"
            | b"allow"
            | b"use"
            | b"find"
            | b"check"
            | b"validate"
            | b"verify"
            | b"parse"
            | b"count"
            | b"total"
            | b"author"
            | b"next"
            | b"page"
            | b"continuation"
            | b"stop"
            | b"eos"
            | b"bos"
            | b"pad"
            | b"unk"
            | b"sep"
            | b"cls"
            | b"expected"
            | b"unexpected"
            | b"host"
            | b"known"
            | b"error"
            | b"err"
    )
}

fn pretends(word: &[u8]) -> bool {
    matches!(
        word,
        b"test" | b"tests" | b"testing" | b"fake" | b"mock" | b"dummy" | b"example" | b"sample" | b"demo" | b"stub"
    )
}
