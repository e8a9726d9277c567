# What each function may do: exactly the calls its code makes. The end-to-end tests compare this
# with the calls they see.

locals {
  # Every function: what it does to the state table, where it sends messages, and whether it tells
  # facts. A waiter for a limit may be a run, a task or an operation, so who frees places sends to
  # any of those it can have kept waiting.
  access = {
    start-run = {
      table = ["GetItem", "PutItem", "DeleteItem", "Query"]
      sends = ["operate", "start-run"]
      tells = true
    }
    advance-run = {
      table = ["GetItem", "BatchGetItem", "PutItem", "DeleteItem", "UpdateItem", "Query"]
      sends = ["operate", "start-run"]
      tells = true
    }
    submit-task = {
      table = ["GetItem", "BatchGetItem", "PutItem", "DeleteItem", "Query"]
      sends = ["observe-task", "record-cluster", "submit-task"]
      tells = true
    }
    observe-task = {
      table = ["GetItem", "BatchGetItem", "PutItem", "DeleteItem", "Query"]
      sends = ["submit-task"]
      tells = true
    }
    provision-cluster = {
      table = ["GetItem", "PutItem", "Query"]
      sends = ["record-cluster"]
      tells = true
    }
    record-cluster = {
      table = ["GetItem", "BatchGetItem", "PutItem", "Query"]
      sends = ["observe-task", "submit-task", "terminate-cluster"]
      tells = true
    }
    terminate-cluster = {
      table = ["GetItem", "BatchGetItem", "PutItem", "Query"]
      sends = ["record-cluster", "terminate-cluster"]
      tells = true
    }
    operate = {
      table = ["GetItem", "BatchGetItem", "PutItem", "DeleteItem", "Query"]
      sends = ["advance-run", "observe-task", "operate", "start-run", "submit-task"]
      tells = true
    }
    reconcile = {
      table = ["GetItem", "BatchGetItem", "PutItem", "DeleteItem", "Query"]
      sends = [
        "advance-run", "alert", "observe-task", "operate", "provision-cluster", "reconcile", "record-cluster",
        "start-run", "submit-task", "terminate-cluster",
      ]
      tells = true
    }
    alert = {
      table = ["GetItem", "PutItem", "DeleteItem", "Query"]
      sends = ["alert"]
      tells = false
    }
    register-definitions = {
      table = ["GetItem", "BatchGetItem", "PutItem", "DeleteItem", "Query"]
      sends = ["operate", "start-run", "submit-task"]
      tells = false
    }
    export-runs   = { table = ["GetItem", "Query"], sends = [], tells = false }
    mirror-facts  = { table = [], sends = [], tells = false }
    archive-facts = { table = [], sends = [], tells = false }
    mirror-facts  = { table = [], sends = [], tells = false }
  }

  clusters = "${local.arn.elasticmapreduce}:cluster/*"
  jobs     = "${local.arn.batch}:job/*"
  # Whatever murmur makes bears this tag, so it can ask for no more and touch nothing else.
  tag      = "murmur:deployment"
  has_tag  = { StringEquals = { "aws:ResourceTag/${local.tag}" = [var.deployment] } }
  asks_tag = { StringEquals = { "aws:RequestTag/${local.tag}" = [var.deployment] } }

  # Where work prints to: jobs, and steps of clusters.
  job_log_groups = ["${local.arn.logs}:log-group:/aws/batch/job"]
  log_objects = [
    for uri in distinct(compact(concat([var.emr_log_uri], var.log_uris))) :
    "arn:${local.partition}:s3:::${trimsuffix(trimprefix(uri, "s3://"), "/")}/*"
  ]

  # What several functions do at EMR and Batch.
  describe_cluster = {
    DescribeCluster = { actions = ["elasticmapreduce:DescribeCluster"], resources = [local.clusters] }
  }
  find_endpoint = {
    # The primary node's address, where its public name does not tell it.
    FindEndpoint = { actions = ["elasticmapreduce:ListInstances"], resources = [local.clusters] }
  }
  list_steps = {
    ListSteps = { actions = ["elasticmapreduce:ListSteps"], resources = [local.clusters] }
  }
  describe_jobs = {
    # Batch knows nothing finer.
    DescribeJobs = { actions = ["batch:DescribeJobs"], resources = ["*"] }
  }
  list_clusters = {
    # EMR knows nothing finer.
    ListClusters = { actions = ["elasticmapreduce:ListClusters"], resources = ["*"] }
  }
  list_jobs = {
    # Batch knows nothing finer.
    ListJobs = { actions = ["batch:ListJobs"], resources = ["*"] }
  }
  cancel_steps = {
    CancelSteps = { actions = ["elasticmapreduce:CancelSteps"], resources = [local.clusters], condition = local.has_tag }
  }
  terminate_jobs = {
    TerminateJobs = { actions = ["batch:TerminateJob"], resources = [local.jobs], condition = local.has_tag }
  }
  terminate_clusters = merge(local.describe_cluster, {
    # What cannot be terminated is described: it may have ended.
    TerminateClusters = { actions = ["elasticmapreduce:TerminateJobFlows"], resources = [local.clusters], condition = local.has_tag }
  })

  # Secrets of teams: the values clusters are configured with, and the credentials of alert routes.
  read_secrets = merge(local.decrypt_secrets, {
    ReadSecrets = {
      actions   = ["secretsmanager:GetSecretValue"]
      resources = ["${local.arn.secretsmanager}:secret:${var.deployment}/*"]
    }
  })
  # Credentials of who keeps traces and lineage; of no team.
  export_secrets = compact([var.otlp_headers_secret, var.openlineage_key_secret])
  decrypt_secrets = length(var.secret_keys) == 0 ? {} : {
    DecryptSecrets = {
      actions   = ["kms:Decrypt"]
      resources = var.secret_keys
      condition = { StringEquals = { "kms:ViaService" = ["secretsmanager.${local.region}.amazonaws.com"] } }
    }
  }

  # What each does besides its table, topic and inboxes.
  compute = {
    start-run    = {}
    advance-run  = merge(local.cancel_steps, local.terminate_jobs)
    operate      = merge(local.cancel_steps, local.terminate_jobs, local.list_steps, local.list_jobs)
    observe-task = merge(local.cancel_steps, local.terminate_jobs, local.describe_cluster, local.find_endpoint)
    submit-task = merge(
      local.cancel_steps, local.terminate_jobs, local.list_steps, local.list_jobs,
      # Only one that takes no steps is described, and that has no endpoint.
      local.describe_cluster,
      {
        SubmitSteps = {
          actions   = ["elasticmapreduce:AddJobFlowSteps"]
          resources = [local.clusters]
          condition = merge(
            local.has_tag,
            length(var.execution_roles) > 0
            ? { ArnLikeIfExists = { "elasticmapreduce:ExecutionRoleArn" = var.execution_roles } }
            : { Null = { "elasticmapreduce:ExecutionRoleArn" = ["true"] } },
          )
        }
        SubmitJobs = {
          actions = ["batch:SubmitJob"]
          resources = concat(
            coalesce(var.batch_job_queues, ["${local.arn.batch}:job-queue/*"]),
            coalesce(var.batch_job_definitions, ["${local.arn.batch}:job-definition/*"]),
          )
          condition = local.asks_tag
        }
        TagJobs = { actions = ["batch:TagResource"], resources = [local.jobs], condition = local.asks_tag }
      },
    )
    provision-cluster = merge(local.list_clusters, local.terminate_clusters, local.read_secrets, {
      # EMR knows nothing finer.
      RequestCluster = { actions = ["elasticmapreduce:RunJobFlow"], resources = ["*"], condition = local.asks_tag }
      TagCluster     = { actions = ["elasticmapreduce:AddTags"], resources = [local.clusters], condition = local.asks_tag }
      # Part of the request, and rights of their own.
      SetPolicies = {
        actions   = ["elasticmapreduce:PutAutoTerminationPolicy", "elasticmapreduce:PutManagedScalingPolicy"]
        resources = [local.clusters]
      }
      PassRoles = {
        actions   = ["iam:PassRole"]
        resources = local.emr.passed_roles
        condition = { StringLike = { "iam:PassedToService" = ["elasticmapreduce.amazonaws.com*", "ec2.amazonaws.com*"] } }
      }
      # EMR cleans up with it, and makes it with the first cluster of an account.
      MakeCleanupRole = {
        actions   = ["iam:CreateServiceLinkedRole"]
        resources = ["arn:${local.partition}:iam::${local.account}:role/aws-service-role/elasticmapreduce.amazonaws.com*/AWSServiceRoleForEMRCleanup*"]
        condition = { StringLike = { "iam:AWSServiceName" = ["elasticmapreduce.amazonaws.com*"] } }
      }
    })
    record-cluster = merge(
      local.describe_cluster, local.find_endpoint, local.list_steps, local.terminate_clusters,
      var.zone == null ? {} : {
        PointNames = {
          actions   = ["route53:ChangeResourceRecordSets"]
          resources = ["arn:${local.partition}:route53:::hostedzone/${var.zone.id}"]
          condition = {
            "ForAllValues:StringEquals" = {
              "route53:ChangeResourceRecordSetsActions"     = ["UPSERT"]
              "route53:ChangeResourceRecordSetsRecordTypes" = ["CNAME"]
            }
          }
        }
      },
    )
    terminate-cluster = merge(local.terminate_clusters, local.list_clusters)
    reconcile = merge(
      local.describe_cluster, local.find_endpoint, local.list_steps, local.list_clusters, local.cancel_steps,
      local.terminate_clusters, local.describe_jobs,
      {
        FindDue = { actions = ["dynamodb:Query"], resources = ["${local.table_arn}/index/due"] }
        # What earlier runs took.
        FindRuns = { actions = ["dynamodb:Query"], resources = ["${local.table_arn}/index/runs"] }
        # How many messages were set aside, and why one of them.
        SeeDeadLetters = {
          actions = ["sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          resources = [
            for function in keys(local.inboxes) : "${local.arn.sqs}:${var.deployment}-${function}-dead-letters"
            if !contains(["archive-facts", "export-runs", "mirror-facts"], function)
          ]
        }
      },
    )
    # What failed work printed last, of a job and of a step.
    alert = merge(
      local.read_secrets, local.describe_jobs, local.describe_cluster,
      { ReadJobLogs = { actions = ["logs:GetLogEvents"], resources = flatten([for arn in local.job_log_groups : [arn, "${arn}:*"]]) } },
      length(local.log_objects) == 0 ? {} : {
        ReadStepLogs = { actions = ["s3:GetObject"], resources = local.log_objects }
      },
      {
        # How many runs have failed in a row.
        FindRuns = { actions = ["dynamodb:Query"], resources = ["${local.table_arn}/index/runs"] }
      },
      length(local.mail_topics) == 0 ? {} : {
        SendMail = { actions = ["sns:Publish"], resources = ["${local.mail_topic_prefix}*"] }
      },
    )
    register-definitions = {}
    export-runs = length(local.export_secrets) == 0 ? {} : merge(local.decrypt_secrets, {
      ReadKeys = { actions = ["secretsmanager:GetSecretValue"], resources = local.export_secrets }
    })
    archive-facts = {
      KeepHistory = {
        actions   = ["s3:DeleteObject", "s3:GetObject", "s3:PutObject"]
        resources = ["arn:${local.partition}:s3:::${local.history_bucket}/*"]
      }
      ListHistory = {
        actions   = ["s3:ListBucket"]
        resources = ["arn:${local.partition}:s3:::${local.history_bucket}"]
      }
    }
    mirror-facts = {
      Mirror = {
        actions   = ["events:PutEvents"]
        resources = ["${local.arn.events}:event-bus/${var.deployment}-facts"]
      }
    }
  }

  statements = {
    for function, access in local.access : function => merge(
      function == "register-definitions" ? {} : {
        TakeMessages = {
          actions   = ["sqs:ChangeMessageVisibility", "sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"]
          resources = ["${local.arn.sqs}:${var.deployment}-${function}"]
        }
        SetAside = {
          actions   = ["sqs:SendMessage"]
          resources = ["${local.arn.sqs}:${var.deployment}-${function}-dead-letters"]
        }
      },
      length(access.table) == 0 ? {} : {
        KeepState = {
          actions   = [for action in access.table : "dynamodb:${action}"]
          resources = [local.table_arn]
        }
      },
      length(access.sends) == 0 ? {} : {
        SendMessages = {
          actions   = ["sqs:SendMessage"]
          resources = [for inbox in access.sends : "${local.arn.sqs}:${var.deployment}-${inbox}"]
        }
      },
      access.tells ? { TellFacts = { actions = ["sns:Publish"], resources = [local.topic_arn] } } : {},
      local.compute[function],
    )
  }
}
