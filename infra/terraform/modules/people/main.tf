# What people need to look at a deployment, and what they need besides to operate it: what the
# command line calls, and the queries of docs/queries.md. Nobody is given them here.

locals {
  dead_letters = [for inbox in var.inboxes : "${var.queue_arn_prefix}${inbox}-dead-letters"]

  read = [
    {
      Sid      = "ReadState"
      Effect   = "Allow"
      Action   = ["dynamodb:BatchGetItem", "dynamodb:GetItem", "dynamodb:PartiQLSelect", "dynamodb:Query"]
      Resource = [var.table_arn, "${var.table_arn}/index/*"]
    },
    {
      Sid      = "ReadDeadLetters"
      Effect   = "Allow"
      Action   = ["sqs:ChangeMessageVisibility", "sqs:GetQueueUrl", "sqs:ReceiveMessage"]
      Resource = local.dead_letters
    },
    {
      Sid      = "FindStepLogs"
      Effect   = "Allow"
      Action   = ["elasticmapreduce:DescribeCluster"]
      Resource = [var.cluster_arns]
    },
    {
      # Batch knows nothing finer.
      Sid      = "FindJobLogs"
      Effect   = "Allow"
      Action   = ["batch:DescribeJobs"]
      Resource = ["*"]
    },
    {
      Sid      = "ReadStories"
      Effect   = "Allow"
      Action   = ["logs:FilterLogEvents"]
      Resource = flatten([for arn in var.function_log_group_arns : [arn, "${arn}:*"]])
    },
    {
      Sid      = "ReadLogs"
      Effect   = "Allow"
      Action   = ["logs:GetLogEvents"]
      Resource = flatten([for arn in var.log_group_arns : [arn, "${arn}:*"]])
    },
  ]
  read_objects = [
    for arns in [var.log_object_arns] : {
      Sid      = "ReadLogObjects"
      Effect   = "Allow"
      Action   = ["s3:GetObject"]
      Resource = arns
    } if length(arns) > 0
  ]
  # Without it S3 says of a log that is not there yet that access is denied; and it knows no prefix
  # when an object is asked for.
  find_objects = [
    for arns in [var.log_object_arns] : {
      Sid      = "FindLogObjects"
      Effect   = "Allow"
      Action   = ["s3:ListBucket"]
      Resource = distinct([for arn in arns : regex("^[^/]+", arn)])
    } if length(arns) > 0
  ]

  operate = [
    {
      # Requests go to operate and start-run, redriven letters to whichever inbox they are of.
      Sid      = "SendMessages"
      Effect   = "Allow"
      Action   = ["sqs:GetQueueUrl", "sqs:SendMessage"]
      Resource = [for inbox in var.inboxes : "${var.queue_arn_prefix}${inbox}"]
    },
    {
      Sid      = "RedriveDeadLetters"
      Effect   = "Allow"
      Action   = ["sqs:DeleteMessage"]
      Resource = local.dead_letters
    },
  ]
}

resource "aws_iam_policy" "read" {
  name        = "${var.deployment}-read"
  description = "Looks at the deployment ${var.deployment} of murmur"
  policy      = jsonencode({ Version = "2012-10-17", Statement = concat(local.read, local.read_objects, local.find_objects) })
}

resource "aws_iam_policy" "operate" {
  name        = "${var.deployment}-operate"
  description = "Operates the deployment ${var.deployment} of murmur; goes with ${var.deployment}-read"
  policy      = jsonencode({ Version = "2012-10-17", Statement = local.operate })
}
