"""Which names are those of secrets, and which values are none."""

from __future__ import annotations

import re
from functools import lru_cache

_LONGEST = 200
_NAMES = 4096
_WORDS = re.compile(r"[A-Za-z]+|[0-9]+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_LAST = _set(
    "password passwd passphrase passwort pwd pw secret token apikey accesskey privatekey secretkey "
    "accountkey bearer authorization cookie"
)
_ENDS = ("password", "passwd", "passphrase")
"""Also of one word: `pgpassword`."""
_VENDORS = _set(
    "openai anthropic mistral cohere gemini huggingface hf replicate pinecone deepl stripe paypal "
    "plaid shopify sendgrid mailgun mailchimp twilio algolia github gh gitlab bitbucket slack "
    "databricks datadog newrelic grafana pagerduty opsgenie sentry rollbar hubspot zendesk "
    "salesforce airtable notion mapbox okta firebase supabase cloudflare digitalocean heroku snyk "
    "sonar azure ado google npm pypi"
)
_KEYS = _VENDORS | _set(
    "access account api auth encryption fernet license master password private secret service "
    "shared sharedaccess signing ssh storage subscription token webhook"
)
"""What makes a `key` a secret one."""
_OWNERS = tuple(_KEYS)
_SERVERS = _set(
    "db database ftp sftp smtp imap mail http ldap proxy ssh git docker registry vpn pg postgres "
    "postgresql mysql mariadb mssql oracle redis mongo mongodb rabbitmq amqp kafka snowflake "
    "redshift clickhouse admin root"
)
_PASS = _SERVERS | _set("auth user login email sudo basic keystore truststore")
_ENVIRONMENTS = _set("prod production live stage staging uat qa test dev development sandbox")
_WHOSE = _VENDORS | _SERVERS | _ENVIRONMENTS
"""What may follow: `TOKEN_GITHUB`, `PASSWORD_DB`. Others make it another thing: `token_url`."""
_OTHER_TOKENS = _set("continuation cursor end next page start stop")
_SIGNED = {"sig", "signature"}
_PERHAPS = _set("auth cred creds credential credentials pat")
"""Names of secrets, and of much else: here the value tells."""

_TEMPLATE = re.compile(r"\{\{|\{%|\$\{|\$\(|%\(|`")
_PLACEHOLDER = re.compile(
    r"[*xX.…_-]{1,200}|<[^<>]{0,200}>|\[[^\[\]]{0,200}\]|[Nn]one|[Nn]ull|[Tt]rue|[Ff]alse"
    r"|[^\w\s]{1,2}"
)
_SMALL_NUMBER = re.compile(r"[+-]?[0-9]{1,3}")
_NO_SECRETS = _set(
    "all always any ask auto default disabled enabled env file first inherit last never next no "
    "off on optional prev previous prompt required stdin yes "
    "bool boolean bytes float int integer number object str string text varchar "
    "accepted_values not_null unique"
)
"""Words that are a choice, a type or a check."""
_RANDOM = re.compile(r"[A-Za-z0-9_+/=~-]{16,2000}")
_HEX = re.compile(r"(?=[a-f]{0,9}[0-9])[0-9a-f]{20,200}")
_NUMBERS = re.compile(r"[0-9]+")


def is_secret(name: str, value: str) -> bool:
    """Whether a value of this name is a secret that somebody typed."""
    is_sure = is_secret_name(name)
    if not is_sure and not _is_perhaps(name):
        return False
    text = value.strip()
    if not is_literal(text) or _SMALL_NUMBER.fullmatch(text) or text.lower() in _NO_SECRETS:
        return False
    return is_sure or _is_login(text)


@lru_cache(_NAMES)
def is_secret_name(name: str) -> bool:
    """Whether what has this name is secret: `API_TOKEN`, `clientSecret`, `X-Api-Key`."""
    words = _words(name)
    whose = ""
    while len(words) > 1 and (words[-1] in _WHOSE or words[-2:] == ["key", "base"]):
        whose = words.pop()
    if not words:
        return False
    *before, last = words
    above = before[-1] if before else ""
    if last == "key":
        return above in _KEYS
    if last == "pass":
        return above in _PASS or (not before and whose not in _ENVIRONMENTS)
    if last == "token":
        return above not in _OTHER_TOKENS
    if last == "pat":
        return above in _VENDORS
    return last in _LAST or last.endswith(_ENDS) or _is_pass(last)


def option_name(text: str) -> str:
    """`password` of the argument `--password`; empty when it is none."""
    name = text.lstrip("-")
    return name if text.startswith("-") and is_secret_name(name) else ""


def is_signature(name: str) -> bool:
    """Whether a parameter of an address signs it."""
    return name.lower().rpartition("-")[2] in _SIGNED


def is_literal(value: str) -> bool:
    """Whether a value is the secret itself: not blank, no template, no shell's variable."""
    text = value.strip()
    if not text or text[0] == "$" or _TEMPLATE.search(text):
        return False
    return not _PLACEHOLDER.fullmatch(text)


def looks_random(text: str) -> bool:
    """Not a word: `Bearer token`, `Basic authentication`."""
    if any(character.isdigit() or character in "=_+/" for character in text):
        return True
    return len(text) >= 20 or not (text.islower() or text.isupper() or text.istitle())


def is_random(text: str) -> bool:
    """Not a name either: long, with digits here and there."""
    if not _RANDOM.fullmatch(text):
        return False
    if text.islower() or text.isupper():
        return _HEX.fullmatch(text) is not None or (
            len(text) >= 32 and text.isalnum() and len(_NUMBERS.findall(text)) > 2
        )
    return len(_NUMBERS.findall(text)) > 1


def may_be_key(before: str) -> bool:
    """Whether a text ends so that a `key` after it may be secret, in lower case."""
    return before.rstrip("_-. ").endswith(_OWNERS)


def _words(name: str) -> list[str]:
    """Of a name, without what tells its copies apart: `_2`, `_V2`, `_value`."""
    if len(name) > _LONGEST:
        return []
    words = [word.lower() for word in _WORDS.findall(_CAMEL.sub("_", name))]
    while len(words) > 1 and (words[-1] == "value" or words[-1].isdecimal()):
        is_number = words.pop().isdecimal()
        if is_number and len(words) > 1 and words[-1] == "v":
            words.pop()
    return words


def _is_pass(word: str) -> bool:
    """`PGPASS`, `SSHPASS`."""
    return word.endswith("pass") and word[:-4] in _PASS


@lru_cache(_NAMES)
def _is_perhaps(name: str) -> bool:
    return not _PERHAPS.isdisjoint(_words(name)[-1:])


def _is_login(text: str) -> bool:
    """`me:a-password`, or what nobody would say."""
    user, colon, password = text.partition(":")
    if colon and user.isidentifier() and len(password) >= 8 and " " not in password:
        return password[0] != "/" and _NUMBERS.search(password) is not None
    return is_random(text)
