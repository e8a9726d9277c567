# A function: its Lambda, its log group, and a role that may do what its code calls and no more.

locals {
  # Given, where AWS would make one that keeps logs for ever.
  log_group = "/aws/lambda/${var.name}"
}

resource "aws_lambda_function" "this" {
  function_name    = var.name
  description      = var.description
  role             = aws_iam_role.this.arn
  runtime          = "provided.al2023"
  handler          = "bootstrap"
  architectures    = [var.architecture]
  filename         = var.package
  source_code_hash = filebase64sha256(var.package)
  memory_size      = var.memory_mb
  timeout          = var.timeout_s

  environment {
    variables = var.environment
  }

  logging_config {
    # The function writes JSON itself, as much as it is told to. Of Lambda's own lines only warnings are
    # wanted: the others say at each invocation what its metrics say, and would cost as much as all else.
    log_format            = "JSON"
    application_log_level = "TRACE"
    system_log_level      = "WARN"
    log_group             = aws_cloudwatch_log_group.this.name
  }

  dynamic "vpc_config" {
    for_each = var.vpc[*]
    content {
      subnet_ids         = vpc_config.value.subnet_ids
      security_group_ids = vpc_config.value.security_group_ids
    }
  }

  # Without its rights it would fail what it is given at once.
  depends_on = [aws_iam_role_policy.this]
}

# A workflow longer than about 16 tasks looks like a loop to Lambda: function, topic, inbox,
# function. What murmur starts by itself is bounded by depth instead.
resource "aws_lambda_function_recursion_config" "this" {
  function_name  = aws_lambda_function.this.function_name
  recursive_loop = "Allow"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = local.log_group
  retention_in_days = var.log_retention_days
}

resource "aws_iam_role" "this" {
  name        = var.name
  description = "Of murmur's function ${var.name}"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "lambda.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy" "this" {
  name   = "calls"
  role   = aws_iam_role.this.id
  policy = local.policy
}

locals {
  log = {
    Log = {
      actions   = ["logs:CreateLogStream", "logs:PutLogEvents"]
      resources = ["${aws_cloudwatch_log_group.this.arn}:*"]
      condition = {}
    }
  }

  # EC2 knows nothing finer for these.
  join_vpc = {
    JoinVpc = {
      actions = [
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
      ]
      resources = ["*"]
      condition = {}
    }
  }

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      for sid, statement in merge(local.log, var.vpc == null ? {} : local.join_vpc, var.statements) : merge(
        {
          Sid      = sid
          Effect   = "Allow"
          Action   = statement.actions
          Resource = statement.resources
        },
        length(statement.condition) == 0 ? {} : { Condition = statement.condition },
      )
    ]
  })
}
