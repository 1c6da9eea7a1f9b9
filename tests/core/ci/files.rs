//! One realistic file for each system: every literal secret is found, under the key it stands at.

use super::{Values, engine, found};

/// The system, its file (`@P` a password, `@T` a token, `@B` a password in base64), and the key of each value in turn;
/// empty where a rule knows the value by its place.
const FILES: &[(&str, &str, &[&str])] = &[
    (
        "github actions: env of a workflow, a job and a step, with, run",
        r#"name: CI
on: [push]
env:
  DB_PASSWORD: @P
jobs:
  build:
    runs-on: ubuntu-latest
    env:
      API_TOKEN: "@T"
    services:
      db:
        image: postgres:16
        env:
          POSTGRES_PASSWORD: @P
    container:
      image: ghcr.io/acme/app
      credentials:
        username: acme
        password: @P
    steps:
      - uses: docker/login-action@v3
        with:
          username: acme
          registry_password: @P
      - name: Deploy
        env: { DEPLOY_TOKEN: @T }
        run: |
          export NEXUS_PASSWORD='@P'
          ./deploy --api-token=@T --user acme
          ./deploy --client-secret @T
"#,
        &[
            "DB_PASSWORD",
            "API_TOKEN",
            "POSTGRES_PASSWORD",
            "password",
            "registry_password",
            "DEPLOY_TOKEN",
            "NEXUS_PASSWORD",
            "api-token",
            "client-secret",
        ],
    ),
    (
        "gitlab ci: variables, long form, services, script",
        r#"stages: [build]
variables:
  MYSQL_ROOT_PASSWORD: "@P"
  DEPLOY_TOKEN:
    value: "@T"
    description: "Token for deployments"
build:
  variables: { SONAR_TOKEN: "@T" }
  before_script:
    - export REGISTRY_PASSWORD=@P
  script:
    - curl --header "PRIVATE-TOKEN: @T" https://gitlab.example.org/api/v4/projects
    - 'curl -H "Authorization: Bearer @T" https://api.example.org'
    - mysql -u root --password=@P app
"#,
        &[
            "MYSQL_ROOT_PASSWORD",
            "DEPLOY_TOKEN",
            "SONAR_TOKEN",
            "REGISTRY_PASSWORD",
            "PRIVATE-TOKEN",
            "Authorization",
            "",
        ],
    ),
    (
        "jenkinsfile",
        r#"pipeline {
  agent any
  environment {
    NEXUS_PASSWORD = '@P'
    API_TOKEN = "@T"
  }
  parameters {
    password(name: 'ADMIN_PASSWORD', defaultValue: '@P', description: 'x')
    string(name: 'DEPLOY_TOKEN', defaultValue: '@T')
  }
  stages {
    stage('Deploy') {
      steps {
        withEnv(["SONAR_TOKEN=@T", 'DB_PASSWORD=@P']) {
          sh 'mvn deploy -Dnexus.password=@P'
          sh "curl -u admin:@P https://nexus.example.org"
        }
      }
    }
  }
}
"#,
        &[
            "NEXUS_PASSWORD",
            "API_TOKEN",
            "ADMIN_PASSWORD",
            "DEPLOY_TOKEN",
            "SONAR_TOKEN",
            "DB_PASSWORD",
            "Dnexus.password",
            "",
        ],
    ),
    (
        "circleci",
        r#"version: 2.1
jobs:
  build:
    docker:
      - image: cimg/node:20.0
        auth:
          username: acme
          password: @P
        environment:
          NPM_TOKEN: @T
    steps:
      - run:
          name: Deploy
          environment:
            DEPLOY_PASSWORD: "@P"
          command: |
            ./deploy --access-token @T
      - run: docker login -u acme --password '@P'
"#,
        &["password", "NPM_TOKEN", "DEPLOY_PASSWORD", "access-token", ""],
    ),
    (
        "azure pipelines",
        r###"trigger: [main]
variables:
  dbPassword: '@P'
  - name: apiToken
    value: '@T'
  - { name: deploySecret, value: "@T" }
steps:
  - script: |
      az login --service-principal -u app --password @P --tenant t
    env:
      SYSTEM_TOKEN: @T
  - task: AzureCLI@2
    inputs:
      clientSecret: '@T'
"###,
        &["dbPassword", "apiToken", "deploySecret", "", "SYSTEM_TOKEN", "clientSecret"],
    ),
    (
        "buildkite",
        r#"env:
  DOCKER_LOGIN_PASSWORD: "@P"
steps:
  - label: ":hammer: Build"
    command: "make build API_TOKEN=@T"
    env:
      NPM_TOKEN: "@T"
    plugins:
      - docker-login#v3.0.0:
          username: acme
          password: @P
"#,
        &["DOCKER_LOGIN_PASSWORD", "API_TOKEN", "NPM_TOKEN", "password"],
    ),
    (
        "travis",
        r#"language: node_js
env:
  global:
    - DB_PASSWORD=@P
    - "API_TOKEN=@T"
    - NODE_ENV=test ADMIN_PASSWORD=@P
deploy:
  provider: npm
  api_key: "@T"
"#,
        &["DB_PASSWORD", "API_TOKEN", "ADMIN_PASSWORD", "api_key"],
    ),
    (
        "drone and woodpecker",
        r#"kind: pipeline
type: docker
name: default
steps:
  - name: publish
    image: plugins/docker
    settings:
      username: acme
      password: @P
    environment:
      DEPLOY_TOKEN: @T
    commands:
      - export API_SECRET=@T
"#,
        &["password", "DEPLOY_TOKEN", "API_SECRET"],
    ),
    (
        "bitbucket pipelines",
        r#"image: node:20
pipelines:
  default:
    - step:
        script:
          - export NPM_TOKEN=@T
          - pipe: atlassian/ssh-run:0.4.1
            variables:
              SSH_USER: 'ubuntu'
              PASSWORD: '@P'
definitions:
  services:
    mysql:
      image: mysql:5.7
      variables:
        MYSQL_PASSWORD: '@P'
"#,
        &["NPM_TOKEN", "PASSWORD", "MYSQL_PASSWORD"],
    ),
    (
        "tekton",
        r#"apiVersion: tekton.dev/v1
kind: Task
metadata:
  name: deploy
spec:
  params:
    - name: registry-password
      default: "@P"
  steps:
    - name: push
      image: alpine
      env:
        - name: API_TOKEN
          value: @T
        - name: "DB_PASSWORD"
          value: "@P"
      script: |
        #!/bin/sh
        push --token @T
"#,
        &["registry-password", "API_TOKEN", "DB_PASSWORD", "token"],
    ),
    (
        "argo workflows and argo cd",
        r#"apiVersion: argoproj.io/v1alpha1
kind: Workflow
spec:
  arguments:
    parameters:
      - name: db-password
        value: "@P"
  templates:
    - name: main
      container:
        image: alpine
        command: [sh, -c]
        args: ["deploy --password=@P"]
        env:
          - {name: API_TOKEN, value: "@T"}
"#,
        &["db-password", "password", "API_TOKEN"],
    ),
    (
        "dockerfile",
        "FROM node:20 AS build\nARG NPM_TOKEN=@T\nENV DB_PASSWORD=@P\nENV API_SECRET @T\nENV A=1 \\\n    \
         ADMIN_PASSWORD=\"@P\" \\\n    B=2\nLABEL a=b\nRUN curl -u admin:@P https://example.org/x && \\\n    \
         echo done\nRUN --mount=type=cache pip install --index-url https://acme:@P@pypi.example.org/simple x\n\
         CMD [\"app\", \"--api-token\", \"@T\"]\n",
        &["NPM_TOKEN", "DB_PASSWORD", "API_SECRET", "ADMIN_PASSWORD", "", "", "api-token"],
    ),
    (
        "compose",
        r#"services:
  db:
    image: postgres:16
    environment:
      - POSTGRES_PASSWORD=@P
      - "API_TOKEN=@T"
  web:
    build:
      args:
        NPM_TOKEN: @T
    environment:
      DATABASE_PASSWORD: "@P"
      SESSION_SECRET: ${SESSION_SECRET:-@T}
    command: ["web", "--admin-password=@P"]
  cache:
    image: redis
    command: redis-server --requirepass @P
"#,
        &[
            "POSTGRES_PASSWORD",
            "API_TOKEN",
            "NPM_TOKEN",
            "DATABASE_PASSWORD",
            "SESSION_SECRET",
            "admin-password",
            "requirepass",
        ],
    ),
    (
        "kubernetes deployment and config map",
        r#"apiVersion: apps/v1
kind: Deployment
spec:
  template:
    spec:
      containers:
        - name: app
          image: acme/app
          args: ["--db-password", "@P", "--api-token=@T"]
          env:
            - name: DB_PASSWORD
              value: "@P"
            - name: API_TOKEN
              value: @T
            - name: CLIENT_SECRET
              value: "@T"
---
apiVersion: v1
kind: ConfigMap
data:
  password: "@P"
  app.properties: |
    spring.datasource.password=@P
    api.token: @T
"#,
        &[
            "db-password",
            "api-token",
            "DB_PASSWORD",
            "API_TOKEN",
            "CLIENT_SECRET",
            "password",
            "spring.datasource.password",
            "api.token",
        ],
    ),
    (
        "kubernetes secret: plain and base64",
        r#"apiVersion: v1
kind: Secret
metadata:
  name: app
type: Opaque
stringData:
  api-token: @T
data:
  password: @B
"#,
        &["api-token", "password"],
    ),
    (
        "kubernetes secret in json",
        r#"{"apiVersion":"v1","kind":"Secret","metadata":{"name":"app"},"data":{"db-password":"@B"},"stringData":{"token":"@T"}}"#,
        &["db-password", "token"],
    ),
    (
        "helm values",
        r#"image:
  repository: acme/app
auth:
  rootPassword: @P
  existingSecret: ""
ingress:
  enabled: true
extraEnv:
  - name: API_TOKEN
    value: "@T"
postgresql:
  auth: {username: app, password: "@P"}
config:
  secretKey: "@T"
"#,
        &["rootPassword", "API_TOKEN", "password", "secretKey"],
    ),
    (
        "terraform",
        r#"provider "acme" {
  api_token = "@T"
}
variable "db_password" {
  description = "The password"
  type        = string
  default     = "@P"
}
resource "aws_db_instance" "main" {
  username = "admin"
  password = "@P"
}
resource "helm_release" "x" {
  set_sensitive {
    name  = "auth.password"
    value = "@P"
  }
}
locals { client_secret = "@T" }
"#,
        &["api_token", "db_password", "password", "auth.password", "client_secret"],
    ),
    (
        "terraform variables",
        "db_password = \"@P\"\napi_token   = \"@T\"\nusers = { admin_password = \"@P\" }\n",
        &["db_password", "api_token", "admin_password"],
    ),
    (
        "terraform state",
        r#"{
  "version": 4,
  "terraform_version": "1.9.0",
  "outputs": {
    "db_password": {
      "value": "@P",
      "type": "string",
      "sensitive": true
    }
  },
  "resources": [
    {
      "mode": "managed",
      "type": "random_password",
      "name": "db",
      "instances": [
        {
          "attributes": {
            "bcrypt_hash": null,
            "id": "none",
            "result": "@P"
          }
        }
      ]
    },
    {
      "type": "aws_db_instance",
      "instances": [ { "attributes": { "password": "@P", "client_secret": "@T" } } ]
    }
  ]
}
"#,
        &["db_password", "", "password", "client_secret"],
    ),
    (
        "ansible: vars, inventory, tasks",
        r#"- hosts: all
  vars:
    db_password: @P
    api_token: "{{ lookup('env', 'X') | default('none') }}"
  tasks:
    - name: Create user
      mysql_user: name=app password=@P state=present
    - name: Call
      uri:
        url: https://example.org
        headers:
          Authorization: "Bearer @T"
        url_password: "@P"
"#,
        &["db_password", "password", "Authorization", "url_password"],
    ),
    (
        "ansible inventory",
        "[web]\nhost1 ansible_user=root ansible_password=@P ansible_become_pass='@P'\n[web:vars]\nansible_ssh_pass=@P\n",
        &["ansible_password", "ansible_become_pass", "ansible_ssh_pass"],
    ),
    (
        "cloudformation in yaml",
        r#"AWSTemplateFormatVersion: '2010-09-09'
Parameters:
  DBPassword:
    Type: String
    NoEcho: true
    Default: @P
Resources:
  DB:
    Type: AWS::RDS::DBInstance
    Properties:
      MasterUsername: admin
      MasterUserPassword: '@P'
  Function:
    Properties:
      Environment:
        Variables:
          API_TOKEN: @T
"#,
        &["DBPassword", "MasterUserPassword", "API_TOKEN"],
    ),
    (
        "cloudformation in json",
        r#"{"Parameters": {"DBPassword": {"Type": "String", "NoEcho": true, "Default": "@P"}},
 "Resources": {"DB": {"Properties": {"MasterUserPassword": "@P"}}},
 "Stack": [{"ParameterKey": "ApiToken", "ParameterValue": "@T"}]}
"#,
        &["DBPassword", "MasterUserPassword", "ApiToken"],
    ),
    (
        "pulumi",
        "config:\n  aws:region: eu-west-1\n  app:dbPassword: @P\n  app:apiToken: \"@T\"\n",
        &["dbPassword", "apiToken"],
    ),
    (
        "env files",
        "A_PASSWORD=@P\nB_PASSWORD='@P'\nC_PASSWORD=\"@P\"\nexport D_PASSWORD=@P\nE_PASSWORD = @P\nF_TOKEN: @T\n\
         set G_TOKEN=@T\nsetenv H_TOKEN @T\n  I_TOKEN=@T # comment\nj_token=@T\nK_TOKEN=`@T`\r\nL_SECRET=\"@T\" # x\n\
         declare -x M_SECRET=\"@T\"\n$env:N_SECRET = '@T'\nO__CLIENT__SECRET=@T\nP.SECRET=@T\n",
        &[
            "A_PASSWORD",
            "B_PASSWORD",
            "C_PASSWORD",
            "D_PASSWORD",
            "E_PASSWORD",
            "F_TOKEN",
            "G_TOKEN",
            "H_TOKEN",
            "I_TOKEN",
            "j_token",
            "K_TOKEN",
            "L_SECRET",
            "M_SECRET",
            "N_SECRET",
            "O__CLIENT__SECRET",
            "P.SECRET",
        ],
    ),
];

#[test]
fn every_literal_secret_of_every_system_is_found_under_its_key() {
    let engine = engine();
    let mut missed = Vec::new();
    for (file, (name, text, expected)) in FILES.iter().enumerate() {
        let (filled, values) = fill(text, file as u64);
        if values.len() != expected.len() {
            missed.push(format!("{name}: {} values, {} keys", values.len(), expected.len()));
        }
        let findings = found(&engine, &filled);
        for (key, value) in expected.iter().zip(&values) {
            let same: Vec<_> = findings.iter().filter(|finding| finding.secret.expose() == value.as_bytes()).collect();
            if !same.iter().any(|finding| finding.key.trim_start_matches('-') == *key) {
                let keys: Vec<_> = same.iter().map(|finding| (&finding.rule.id, &finding.key)).collect();
                missed.push(format!("{name}: {key} (found as {keys:?})"));
            }
        }
        let alarms = findings.iter().filter(|finding| {
            !finding.is_practice() && !values.iter().any(|value| finding.secret.expose() == value.as_bytes())
        });
        missed.extend(alarms.map(|finding| format!("{name}: {} {} is no secret", finding.rule.id, finding.key)));
    }
    assert!(missed.is_empty(), "{} missed:\n{}", missed.len(), missed.join("\n"));
}

/// Puts a value of its own at each `@P`, `@T` and `@B`, in this order.
fn fill(text: &str, file: u64) -> (String, Vec<String>) {
    let (mut filled, mut values) = (String::new(), Vec::new());
    let mut rest = text;
    while let Some(at) = rest.find('@') {
        filled.push_str(&rest[..at]);
        let made = Values::new(file * 100 + values.len() as u64);
        let (shown, value) = match rest.as_bytes().get(at + 1) {
            Some(b'P') => (made.password.clone(), Some(made.password)),
            Some(b'T') => (made.token.clone(), Some(made.token)),
            Some(b'B') => (made.encoded, Some(made.password)),
            _ => ("@".to_owned(), None),
        };
        filled.push_str(&shown);
        rest = &rest[at + 1 + usize::from(value.is_some())..];
        values.extend(value);
    }
    filled.push_str(rest);
    (filled, values)
}
