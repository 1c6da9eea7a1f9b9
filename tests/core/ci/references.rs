//! Names of secrets kept elsewhere, sealed and encrypted values: none of them is a leak.

use super::{Values, engine, found};
use stopleak_core::rule::example::expand;
use stopleak_core::scan::Gate;

/// Texts whose values are references; `@…@` are templates of text that looks random and is sealed.
const REFERENCES: &[(&str, &str)] = &[
    (
        "github actions",
        r#"env:
  DB_PASSWORD: ${{ secrets.DB_PASSWORD }}
  API_TOKEN: "${{ secrets.API_TOKEN_2024 }}"
  NPM_TOKEN: ${{secrets.NPM_TOKEN}}
  GITHUB_TOKEN: ${{ github.token }}
  OTHER_SECRET: ${{ inputs.secret_key1 || secrets.FALLBACK1 }}
permissions:
  id-token: write
jobs:
  a:
    secrets: inherit
    steps:
      - uses: actions/checkout@v4 # @hex:40@
        with:
          token: ${{ secrets.PAT }}
          ssh-key: ${{ secrets.DEPLOY_KEY }}
      - run: ./deploy --password "$DB_PASSWORD" --token ${API_TOKEN}
"#,
    ),
    (
        "gitlab ci",
        r#"variables:
  DB_PASSWORD: $PRODUCTION_DB_PASSWORD1
  TOKEN: "${CI_JOB_TOKEN}"
job:
  secrets:
    DATABASE_PASSWORD:
      vault: production/db/password@ops
      token: $VAULT_ID_TOKEN
    OTHER_PASSWORD:
      azure_key_vault:
        name: test-secret-2
  id_tokens:
    VAULT_ID_TOKEN:
      aud: https://vault.example.com
  script:
    - docker login -u gitlab-ci-token -p $CI_JOB_TOKEN $CI_REGISTRY
    - 'curl --header "JOB-TOKEN: $CI_JOB_TOKEN" https://x'
    - 'curl --header "PRIVATE-TOKEN: ${PRIVATE_TOKEN_2}" https://x'
"#,
    ),
    (
        "jenkinsfile",
        r#"environment {
  NEXUS_PASSWORD = credentials('nexus-password-2')
  TOKEN = "${env.API_TOKEN2}"
}
withCredentials([string(credentialsId: 'sonar-token-id1', variable: 'SONAR_TOKEN')]) {
  sh 'mvn -Dsonar.login=$SONAR_TOKEN -Dsonar.token=${SONAR_TOKEN}'
}
withCredentials([usernamePassword(credentialsId: 'docker-hub-2', usernameVariable: 'USER1', passwordVariable: 'DOCKER_PASSWORD1')]) { }
"#,
    ),
    (
        "circleci and azure",
        "environment:\n  PASSWORD: $MY_PASSWORD1\n  API_TOKEN: << parameters.api_token1 >>\nvariables:\n- name: apiToken\n  \
         value: $(api-token-from-vault1)\n- group: secrets-prod1\nsteps:\n- script: login --password $(dbPassword1)\n  env:\n    \
         TOKEN: $(System.AccessToken)\n    PW: $[ variables.dbPassword1 ]\n",
    ),
    (
        "travis, encrypted",
        "env:\n  global:\n    - secure: \"@base64:684@\"\ndeploy:\n  api_key:\n    secure: @base64:172@\n",
    ),
    (
        "drone, woodpecker and bitbucket",
        "settings:\n  password:\n    from_secret: docker_password_1\n  token: { from_secret: api_token_1 }\n---\nkind: \
         secret\nname: api_token_1\nget:\n  path: secret/data/docker1\n  name: token\nscript:\n  - login --password \
         $DOCKER_PASSWORD1\n",
    ),
    (
        "kubernetes references",
        r#"env:
  - name: DB_PASSWORD
    valueFrom:
      secretKeyRef:
        name: app-secrets-v1
        key: db-password-1
  - name: API_TOKEN
    value: $(API_TOKEN_V1)
  - { name: CLIENT_SECRET, valueFrom: { secretKeyRef: { name: client-secret-v1, key: secret1 } } }
volumes:
  - name: credentials
    secret:
      secretName: tls-secret-v1
imagePullSecrets:
  - name: regcred-v1
"#,
    ),
    (
        "sealed secret",
        "apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nspec:\n  encryptedData:\n    password@sealed@\n    \
         api-token@sealed@\n  template:\n    metadata:\n      name: app\n",
    ),
    (
        "external secret",
        "apiVersion: external-secrets.io/v1\nkind: ExternalSecret\nspec:\n  secretStoreRef:\n    name: vault-backend\n  data:\n  \
         - secretKey: password\n    remoteRef:\n      key: secret/data/app1/password\n      property: db_password1\n",
    ),
    (
        "helm templates",
        "password: {{ .Values.auth.password1 | b64enc | quote }}\ntoken: \"{{ .Values.apiToken2 }}\"\nsecretName: {{ include \
         \"app.fullname\" . }}-secret1\nexistingSecret: my-release-secret1\nexistingSecretPasswordKey: db-password1\n",
    ),
    (
        "terraform",
        r#"password = var.db_password1
token = data.aws_secretsmanager_secret_version.api_token1.secret_string
secret = random_password.db1.result
client_secret = data.vault_generic_secret.app1.data["client_secret"]
master_password = "${var.master_password1}"
api_key = local.secrets.api_key1
private_key = file("~/.ssh/id_rsa1")
secret_id = aws_secretsmanager_secret.db1.id
kms_key_arn = "arn:aws:kms:eu-west-1:123456789012:key/@uuid@"
password_secret_arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbC123"
"#,
    ),
    (
        "ansible vault",
        "db_password: !vault |\n  $ANSIBLE_VAULT;1.1;AES256\n  @digit:80@\n  @digit:80@\n  @digit:44@\napi_token: \"{{ \
         vault_api_token1 }}\"\nadmin_password: \"{{ lookup('community.hashi_vault.hashi_vault', \
         'secret=secret/app1:password') }}\"\n",
    ),
    ("ansible vault file", "$ANSIBLE_VAULT;1.2;AES256;prod\n@digit:80@\n@digit:80@\n@digit:80@\n"),
    (
        "sops",
        "password: ENC[AES256_GCM,data:@base64:28@,iv:@base64:43@=,tag:@base64:22@==,type:str]\napi_token: \
         ENC[AES256_GCM,data:@base64:56@,iv:@base64:43@=,tag:@base64:22@==,type:str]\nsops:\n    age:\n        - recipient: \
         age1@lowernum:58@\n    mac: ENC[AES256_GCM,data:@base64:150@,iv:@base64:43@=,tag:@base64:22@==,type:str]\n",
    ),
    (
        "sops in an env file and json",
        "DB_PASSWORD=ENC[AES256_GCM,data:@base64:28@,iv:@base64:43@=,tag:@base64:22@==,type:str]\n{\"api_token\": \
         \"ENC[AES256_GCM,data:@base64:28@,iv:@base64:43@=,tag:@base64:22@==,type:str]\"}\n",
    ),
    (
        "cloudformation",
        r#"MasterUserPassword: !Ref DBPassword1
DbPassword: '{{resolve:secretsmanager:prod/app1:SecretString:password}}'
ApiToken: "{{resolve:ssm-secure:/prod/app1/token:3}}"
ClientSecret: !Sub '${ClientSecret1}'
Token: !GetAtt Secret1.Token
OtherPassword: !ImportValue shared-password1
SecretArn: !Ref SecretA1
Password: {"Ref": "DBPassword1"}
"MasterUserPassword": {"Fn::Sub": "{{resolve:secretsmanager:${Secret1}:SecretString:password}}"}
"#,
    ),
    (
        "pulumi",
        "config:\n  app:dbPassword:\n    secure: AAABA@base64:60@\n  app:token:\n    secure: v1:@base64:16@:@base64:44@\n\
         encryptionsalt: v1:@base64:11@=:v1:@base64:16@:@base64:44@==\n",
    ),
    (
        "compose",
        "environment:\n  DB_PASSWORD: ${DB_PASSWORD1}\n  API_TOKEN: ${API_TOKEN1:?not set}\n  DB_PASSWORD_FILE: \
         /run/secrets/db_password1\n  - POSTGRES_PASSWORD\nsecrets:\n  db_password1:\n    file: ./db_password1.txt\n",
    ),
    (
        "dockerfile",
        "ARG NPM_TOKEN\nENV DB_PASSWORD=$DB_PASSWORD1\nENV API_TOKEN ${API_TOKEN1}\nRUN \
         --mount=type=secret,id=npm_token1 NPM_TOKEN=$(cat /run/secrets/npm_token1) npm ci\n",
    ),
    (
        "env files",
        concat!(
            "DB_PASSWORD=vault:secret/data/app1#password\nAPI_TOKEN=op://vault1/item1/token\nSECRET_KEY=\nTOKEN=${OTHER_TOKEN1}\n\
         SECRET=ref+vault://secret/app1#/key\nPASSWORD=awssm:prod/app1/password\nA_TOKEN=$(pass show app1/token)\n\
         B_TOKEN=`cat /run/secrets/token1`\nC_TOKEN=bao:secret/data/app1#token\nD_SECRET=projects/12/secrets/token1/versions/latest\n\
         E_SECRET=sm://project1/token1\nF_PASSWORD=arn:aws:secretsmanager:eu-west-1:123456789012:secret:app-Ab12cD\n\
         G_PASSWORD=keyring:app1/password\nH_SECRET=doppler://app1/token1\nI_TOKEN",
            "=@Microsoft.KeyVault(SecretUri=https://kv1.vault.azure.net/secrets/token1/)\n"
        ),
    ),
];

/// Puts random text where `@hex:40@` and its kin stand; a lone `@` stays.
fn fill(text: &str) -> String {
    const NAMES: [&str; 5] = ["hex", "base64", "digit", "lowernum", "uuid"];
    let text = text.replace("@sealed@", &format!(": AgA@{}@", "base64:729"));
    let is_template = |piece: &str| piece.split(':').next().is_some_and(|name| NAMES.contains(&name));
    let mut filled = String::new();
    let mut joint = "";
    for (index, piece) in text.split('@').enumerate() {
        if is_template(piece) {
            filled.push_str(&expand(&format!("<{piece}>"), index as u64 + 1).expect("a right template"));
            joint = "";
        } else {
            filled.push_str(joint);
            filled.push_str(piece);
            joint = "@";
        }
    }
    filled
}

#[test]
fn references_and_sealed_values_are_no_findings() {
    let engine = engine();
    let mut alarms = Vec::new();
    for (name, text) in REFERENCES {
        let filled = fill(text);
        for finding in found(&engine, &filled).into_iter().filter(|finding| Gate::default().passes(finding)) {
            let value = String::from_utf8_lossy(finding.secret.expose()).into_owned();
            alarms.push(format!("{name}: {} {} = {value} ({:.2})", finding.rule.id, finding.key, finding.confidence.0));
        }
    }
    assert!(alarms.is_empty(), "{} alarms:\n{}", alarms.len(), alarms.join("\n"));
}

/// What CI systems print in place of a secret they know.
const MASKS: &[&str] = &[
    "password=***",
    "DB_PASSWORD=********",
    "api_token: [MASKED]",
    "API_TOKEN=[REDACTED]",
    "export SECRET_KEY=[secure]",
    "Authorization: Bearer ***",
    "Authorization: Bearer ****************",
    "https://user:***@host.example/path",
    "postgres://app:****@db.internal:5432/app",
    "curl -u admin:*** https://example.org",
    "--token *** --password ****",
    "token: xxxxxxxxxxxxxxxx",
    "password: <hidden>",
    "password: (sensitive value)",
    "client_secret = (sensitive value)",
    "secret = <sensitive>",
    "NPM_TOKEN: npm_***",
    "GH_TOKEN: ghp_************************************",
    "PASSWORD=[FILTERED]",
    "password: [stopleak:generic.password]",
    "token=•••••••••••••",
];

#[test]
fn a_mask_is_no_secret() {
    let engine = engine();
    let alarms: Vec<String> = MASKS
        .iter()
        .flat_map(|text| found(&engine, text).into_iter().map(move |finding| format!("{text}: {}", finding.rule.id)))
        .collect();
    assert!(alarms.is_empty(), "{}", alarms.join("\n"));
}

#[test]
fn a_reference_beside_a_literal_hides_nothing() {
    let engine = engine();
    let values = Values::new(77);
    let text = values.fill("env:\n  A_PASSWORD: ${{ secrets.A }}\n  B_PASSWORD: @P\n  C_PASSWORD: $C\n");
    let found = found(&engine, &text);
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].key, "B_PASSWORD");
}
