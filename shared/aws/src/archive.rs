//! An archive that is a bucket of S3.

use aws_sdk_s3::Client;
use aws_sdk_s3::error::{DisplayErrorContext, SdkError};
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::primitives::ByteStream;
use ports::archive::{Archive, ArchiveError};

/// Keeps files in a bucket.
#[derive(Debug, Clone)]
pub struct S3Archive {
    client: Client,
    bucket: String,
}

impl S3Archive {
    /// Uses a bucket.
    pub fn new(client: Client, bucket: impl Into<String>) -> Self {
        Self {
            client,
            bucket: bucket.into(),
        }
    }
}

impl Archive for S3Archive {
    async fn put(&self, name: &str, bytes: Vec<u8>) -> Result<(), ArchiveError> {
        let request = self
            .client
            .put_object()
            .bucket(&self.bucket)
            .key(name)
            .body(ByteStream::from(bytes));
        let put = Box::pin(request.send()).await;
        put.map(|_| ()).map_err(unavailable)
    }

    async fn list(&self, folder: &str) -> Result<Vec<String>, ArchiveError> {
        let (mut names, mut page) = (Vec::new(), None);
        loop {
            let request = self.client.list_objects_v2().bucket(&self.bucket);
            let request = request.prefix(folder).set_continuation_token(page);
            let answer = Box::pin(request.send()).await.map_err(unavailable)?;
            let keys = answer.contents.unwrap_or_default().into_iter();
            names.extend(keys.filter_map(|object| object.key));
            page = answer.next_continuation_token;
            if page.is_none() {
                return Ok(names);
            }
        }
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, ArchiveError> {
        let request = self.client.get_object().bucket(&self.bucket).key(name);
        let answer = match Box::pin(request.send()).await {
            Ok(answer) => answer,
            Err(SdkError::ServiceError(error))
                if matches!(error.err(), GetObjectError::NoSuchKey(_)) =>
            {
                return Ok(None);
            }
            Err(error) => return Err(unavailable(error)),
        };
        let bytes = Box::pin(answer.body.collect()).await;
        Ok(Some(bytes.map_err(unavailable)?.to_vec()))
    }

    async fn remove(&self, name: &str) -> Result<(), ArchiveError> {
        let request = self.client.delete_object().bucket(&self.bucket).key(name);
        let removed = Box::pin(request.send()).await;
        removed.map(|_| ()).map_err(unavailable)
    }
}

fn unavailable(error: impl std::error::Error) -> ArchiveError {
    ArchiveError {
        reason: DisplayErrorContext(error).to_string(),
    }
}
