//! Records of one operation, in their order: collected while rows are written, appended last.

use crate::access::{Authorized, Because, actor};
use crate::log;
use refloat_core::event::{AccessEvent, AuditEvent, RegistryEvent};
use refloat_core::{Event, NewRecord, ProjectId, RecordId, RepositoryId, Stream};
use refloat_database::{StoreError, Tx};
use refloat_oci::{Digest, TagName};

/// The records of one operation by one actor.
pub(crate) struct Records {
    actor: String,
    personal: Option<String>,
    because: Because,
    pending: Vec<NewRecord>,
}

impl Records {
    pub(crate) fn of(actor: &str, personal: Option<&str>) -> Self {
        Self {
            actor: actor.to_owned(),
            personal: personal.map(str::to_owned),
            because: Because::default(),
            pending: Vec::new(),
        }
    }

    pub(crate) fn by<O>(leave: &Authorized<O>) -> Self {
        Self {
            because: leave.because().clone(),
            ..Self::of(&actor(leave.principal()), leave.personal())
        }
    }

    /// Why it is done.
    pub(crate) fn because(&self) -> &Because {
        &self.because
    }

    pub(crate) fn repository(
        &mut self,
        project: &ProjectId,
        id: &RepositoryId,
        event: RegistryEvent,
    ) {
        self.push(
            project,
            Stream::new("repository", id),
            None,
            Event::Registry(event),
        );
    }

    pub(crate) fn manifest(
        &mut self,
        project: &ProjectId,
        repository: &RepositoryId,
        digest: &Digest,
        event: RegistryEvent,
    ) {
        self.push(
            project,
            Stream::new("manifest", format_args!("{repository}/{digest}")),
            None,
            Event::Registry(event),
        );
    }

    pub(crate) fn blob(
        &mut self,
        project: &ProjectId,
        repository: &RepositoryId,
        digest: &Digest,
        event: RegistryEvent,
    ) {
        self.push(
            project,
            Stream::new("blob", format_args!("{repository}/{digest}")),
            None,
            Event::Registry(event),
        );
    }

    /// `version` is what the tag's stream has before the event: a tag that moved meanwhile is a conflict.
    pub(crate) fn tag(
        &mut self,
        project: &ProjectId,
        repository: &RepositoryId,
        tag: &TagName,
        version: i64,
        event: RegistryEvent,
    ) {
        self.push(
            project,
            Stream::new("tag", format_args!("{repository}/{tag}")),
            Some(version),
            Event::Registry(event),
        );
    }

    pub(crate) fn access(&mut self, project: &ProjectId, kind: &str, id: &str, event: AccessEvent) {
        self.push(project, Stream::new(kind, id), None, Event::Access(event));
    }

    pub(crate) fn audit(&mut self, project: &ProjectId, kind: &str, id: &str, event: AuditEvent) {
        self.push(project, Stream::new(kind, id), None, Event::Audit(event));
    }

    /// Who acts.
    pub(crate) fn actor(&self) -> &str {
        &self.actor
    }

    /// How many there are so far.
    pub(crate) fn count(&self) -> usize {
        self.pending.len()
    }

    fn push(
        &mut self,
        project: &ProjectId,
        stream: Stream,
        expected_version: Option<i64>,
        event: Event,
    ) {
        self.pending.push(NewRecord {
            project: project.clone(),
            stream,
            expected_version,
            actor: self.actor.clone(),
            causes: self.because.causes.clone(),
            cascade: self.because.cascade.clone(),
            event,
            personal: self.personal.clone(),
        });
    }

    /// Appends them; their ids in the same order.
    pub(crate) async fn append(self, tx: &mut dyn Tx) -> Result<Vec<RecordId>, StoreError> {
        let mut ids = Vec::with_capacity(self.pending.len());
        for record in self.pending {
            ids.push(log::append(tx, record).await?);
        }
        Ok(ids)
    }
}

/// A broken reference or a second row at this place means that somebody else committed in between: run it again, and
/// the view will say what is wrong.
pub(crate) fn raced(error: StoreError) -> StoreError {
    match error {
        StoreError::ForeignKey(_) | StoreError::Unique(_) => StoreError::Conflict,
        StoreError::Rejected(_) | StoreError::Failed(_) | StoreError::Conflict => error,
    }
}
