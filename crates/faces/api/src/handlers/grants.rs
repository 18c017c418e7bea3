//! Grants by pattern.

use crate::answer::Answer;
use crate::asking::Asking;
use crate::face::Api;
use refloat_core::access::Actions;
use refloat_core::{Pattern, Rejection};
use refloat_flow::FlowError;
use refloat_flow::administer::GrantAsked;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantBody {
    subject: String,
    #[serde(default)]
    actions: Option<String>,
    pattern: Pattern,
    #[serde(default)]
    project: Option<String>,
}

impl GrantBody {
    fn asked(self, otherwise: Option<Actions>) -> Result<GrantAsked, Rejection> {
        let invalid = |error| Rejection::Invalid(format!("{error}"));
        let actions = self
            .actions
            .map(|text| text.parse::<Actions>().map_err(invalid))
            .transpose()?;
        let missing =
            || Rejection::Invalid("`actions` is missing; write for example pull,push".to_owned());
        let actions = actions.or(otherwise).ok_or_else(missing)?;
        Ok(GrantAsked {
            subject: self.subject,
            actions,
            pattern: self.pattern,
            project: self.project,
        })
    }
}

pub(crate) async fn list(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let project = asking.parameter("project").map(str::to_owned);
    let found = api
        .administration
        .grants(&asking.caller, project, &asking.page()?)
        .await?;
    Ok(Answer::page(found, |row| {
        json!({
            "subject": row.subject,
            "actions": row.actions.to_string(),
            "pattern": row.pattern,
            "source": row.source,
        })
    }))
}

pub(crate) async fn grant(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let asked = asking.read::<GrantBody>()?.asked(None)?;
    Ok(Answer::changed(
        api.administration.grant(&asking.caller, asked).await?,
    ))
}

pub(crate) async fn revoke(api: &Api, asking: &Asking) -> Result<Answer, FlowError> {
    let asked = asking.read::<GrantBody>()?.asked(Some(Actions::EVERY))?;
    Ok(Answer::changed(
        api.administration.revoke(&asking.caller, asked).await?,
    ))
}
