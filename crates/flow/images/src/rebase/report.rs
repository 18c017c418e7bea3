//! What was judged and done, as JSON.

use crate::rebase::judge::{Judged, PlatformJudged};
use crate::rebase::{Destination, Outcome};
use crate::walk::pinned;
use refloat_verdict::Reason;
use serde_json::{Value, json};

impl Judged {
    /// `{"verdict","platforms":[{"platform","verdict","reasons"}],"packages"}`, the part that does not depend on names.
    pub fn verdict_json(&self) -> Value {
        let platforms: Vec<Value> = self.platforms.iter().map(platform).collect();
        json!({
            "verdict": self.tier().word(),
            "platforms": platforms,
            "packages": self.packages(),
        })
    }

    /// All of it, with the images' names; `result` is null.
    pub fn to_json(&self) -> Value {
        let mut json = self.verdict_json();
        json["image"] = json!(self.image.pinned());
        json["old_base"] = json!(self.old_base().map(|base| base.tree.pinned()));
        json["new_base"] = json!(self.onto.pinned());
        json["result"] = Value::Null;
        json["found_by"] = json!(self.old_base().map(|base| base.found_by.word()));
        let left_out: Vec<&Value> = self
            .image
            .others
            .iter()
            .map(|entry| &entry["digest"])
            .collect();
        json["left_out"] = json!(left_out);
        json
    }
}

impl Outcome {
    /// The same with the result: `null` unless something was written or is there already.
    pub fn to_json(&self, destination: &Destination) -> Value {
        let mut json = self.judged().to_json();
        match self {
            Self::Unchanged(judged) => json["result"] = json!(judged.image.pinned()),
            Self::Refused(_) => {}
            Self::Done(_, done) => {
                json["result"] = json!(pinned(&destination.place, &done.digest));
                json["digest"] = json!(done.digest);
                json["provenance"] = json!(done.provenance);
                json["tag"] = json!(destination.tag.as_ref().map(refloat_oci::TagName::as_str));
            }
        }
        json
    }
}

fn platform(judged: &PlatformJudged) -> Value {
    let reasons: Vec<Value> = judged.verdict.reasons.iter().map(reason).collect();
    json!({
        "platform": judged.platform.to_string(),
        "verdict": judged.verdict.tier.word(),
        "reasons": reasons,
    })
}

fn reason(reason: &Reason) -> Value {
    json!({
        "code": reason.code.word(),
        "path": reason.path,
        "layer": reason.layer,
        "old": reason.old,
        "new": reason.new,
        "detail": reason.detail,
        "verdict": reason.tier.word(),
    })
}
