//! Why AWS's chain gives no credentials, in words: what was looked for, and where.

use std::error::Error as StdError;
use std::io;
use std::path::Path;

use aws_credential_types::provider::error::CredentialsError;

use super::refusal::{CREDENTIALS, NO_CREDENTIALS, NO_LOGIN, NO_TOKEN, Refusal, UNKNOWN_PROFILE};

/// What the chain says around a reason.
const AROUND: [&str; 2] = ["an error occurred while loading", "the credential"];

/// What a variable of the environment says; `None` where it is unset or empty.
pub(super) type Variables<'a> = &'a dyn Fn(&str) -> Option<String>;

/// Why there are none.
pub(super) fn why(error: &CredentialsError, variable: Variables<'_>) -> Refusal {
    let reason = reasons(error).join(": ");
    let named = variable("AWS_PROFILE");
    let profile = named.as_deref().unwrap_or("default");
    if let Some(refusal) = unknown_profile(&reason, variable) {
        return refusal;
    }
    // The last that the chain asks is the machine itself: one that is no instance with a role has nothing to give.
    if matches!(error, CredentialsError::CredentialsNotLoaded(_)) || is_of_the_machine(error) {
        return match named {
            Some(name) if !is_in_files(&name, variable) => no_profile(&name, "", variable),
            Some(name) => {
                Refusal::new(NO_CREDENTIALS, &format!("no credentials found (AWS_PROFILE is {name})"))
            }
            None => Refusal::new(NO_CREDENTIALS, "no credentials found"),
        };
    }
    if let Some(said) = no_login(&reason, profile) {
        return Refusal::new(NO_LOGIN, &said);
    }
    if is_missing_file(error) {
        return Refusal::new(NO_TOKEN, &no_token_file(profile, variable));
    }
    let reason = reason.replace("ProfileFile provider could not be built: ", "");
    Refusal::new(CREDENTIALS, &format!("the credentials cannot be had: {reason}"))
}

/// Whether it is the machine that could not be asked.
pub(super) fn is_of_the_machine(error: &CredentialsError) -> bool {
    reasons(error).iter().any(|reason| reason.contains("IMDS"))
}

/// What stands below the error, each once.
fn reasons(error: &CredentialsError) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    let mut link = error.source();
    while let Some(error) = link {
        let text = error.to_string();
        let says_nothing = AROUND.iter().any(|around| text.starts_with(around));
        if !says_nothing && !links.iter().any(|known| known.contains(&text)) {
            links.push(text);
        }
        link = error.source();
    }
    links
}

/// A profile that is named, by the environment or by another profile, and stands in no file.
fn unknown_profile(reason: &str, variable: Variables<'_>) -> Option<Refusal> {
    let (_, rest) = reason.split_once("profile `")?;
    let (name, rest) = rest.split_once("` was not defined: ")?;
    let why = rest.lines().next().unwrap_or_default();
    let Some((_, by)) = why.split_once(" referenced from ") else {
        return Some(Refusal::new(CREDENTIALS, &format!("the profile {name} is not whole: {why}")));
    };
    let by = match by {
        "the root profile" => String::new(),
        by => format!(" (named by the profile {by})"),
    };
    Some(no_profile(name, &by, variable))
}

fn no_profile(name: &str, by: &str, variable: Variables<'_>) -> Refusal {
    let [config, credentials] = files(variable);
    let said = format!("there is no profile {name} in {config} or {credentials}{by}");
    Refusal::new(UNKNOWN_PROFILE, &said)
}

/// The files that profiles stand in.
fn files(variable: Variables<'_>) -> [String; 2] {
    let named = [("AWS_CONFIG_FILE", "~/.aws/config"), ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")];
    named.map(|(named, usual)| variable(named).unwrap_or_else(|| usual.to_owned()))
}

/// Whether a file has a section for a profile. The chain says nothing of it where there is no profile at all.
fn is_in_files(name: &str, variable: Variables<'_>) -> bool {
    let home = variable("HOME").unwrap_or_default();
    let is_of = |line: &str| {
        let section = line.trim().strip_prefix('[').and_then(|rest| rest.split(']').next());
        section.is_some_and(|section| section.trim().trim_start_matches("profile ").trim() == name)
    };
    files(variable).iter().any(|file| {
        let path = file.strip_prefix("~/").map_or_else(|| file.into(), |rest| Path::new(&home).join(rest));
        std::fs::read_to_string(path).is_ok_and(|text| text.lines().any(is_of))
    })
}

/// A login that was never made, or has ended.
fn no_login(reason: &str, profile: &str) -> Option<String> {
    if reason.contains("SSO token has expired") {
        return Some(format!("the SSO login of the profile {profile} has expired"));
    }
    let token = reason.split_once("failed to read `").and_then(|(_, rest)| Some(rest.split_once('`')?.0));
    let token = token.filter(|path| path.contains("sso"));
    if token.is_some() || reason.contains("failed to load the cached SSO token") {
        let place = token.unwrap_or("~/.aws/sso/cache");
        return Some(format!("the profile {profile} has no SSO login: its token is not in {place}"));
    }
    let is_refused = reason.contains("UnauthorizedException") || reason.contains("InvalidGrantException");
    is_refused.then(|| format!("the SSO login of the profile {profile} is not accepted any more"))
}

fn is_missing_file(error: &CredentialsError) -> bool {
    let mut link = error.source();
    while let Some(error) = link {
        if error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::NotFound) {
            return true;
        }
        link = error.source();
    }
    false
}

/// The one file that the chain reads without saying which.
fn no_token_file(profile: &str, variable: Variables<'_>) -> String {
    match variable("AWS_WEB_IDENTITY_TOKEN_FILE").filter(|path| !Path::new(path).exists()) {
        Some(path) => format!("the token of AWS_WEB_IDENTITY_TOKEN_FILE is not there: no file {path}"),
        None => format!("a file that the profile {profile} names is not there: its web_identity_token_file"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(error: &CredentialsError, variables: &[(&str, &str)]) -> String {
        let variable = |name: &str| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
        };
        why(error, &variable).to_string()
    }

    #[test]
    fn a_profile_in_no_file_is_said_with_the_files() {
        let text =
            "profile `x` was not defined: could not find source profile x referenced from the root profile";
        let error = CredentialsError::not_loaded(text);
        assert_eq!(
            said(&error, &[("AWS_PROFILE", "x"), ("AWS_CONFIG_FILE", "/c")]),
            "there is no profile x in /c or ~/.aws/credentials"
        );
        let text = "profile `y` was not defined: could not find source profile y referenced from x";
        assert!(said(&CredentialsError::not_loaded(text), &[]).ends_with("(named by the profile x)"));
        let text = "profile `x` was not defined: `sso_region` was missing";
        assert_eq!(
            said(&CredentialsError::not_loaded(text), &[]),
            "the profile x is not whole: `sso_region` was missing"
        );
    }

    #[test]
    fn a_missing_file_is_named() {
        let missing = || io::Error::from(io::ErrorKind::NotFound);
        let error = CredentialsError::provider_error(missing());
        let said_of = |variables: &[(&str, &str)]| said(&error, variables);
        assert!(said_of(&[("AWS_WEB_IDENTITY_TOKEN_FILE", "/nope/t")]).ends_with("no file /nope/t"));
        assert!(said_of(&[("AWS_PROFILE", "w")]).contains("the profile w names"));
    }

    #[test]
    fn what_nobody_has_is_no_error_of_the_machine() {
        let imds = CredentialsError::provider_error("failed to load a token from IMDS");
        assert_eq!(said(&imds, &[]), "no credentials found");
        let none = CredentialsError::not_loaded_no_source();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        std::fs::write(&file, "[default]\n[ profile  p ] # mine\nregion = x\n").unwrap();
        let said = |profile| {
            said(
                &none,
                &[("AWS_PROFILE", profile), ("AWS_CONFIG_FILE", file.to_str().unwrap()), ("HOME", "/none")],
            )
        };
        assert_eq!(said("p"), "no credentials found (AWS_PROFILE is p)");
        assert!(said("q").starts_with("there is no profile q in /"), "{}", said("q"));
    }
}
