mock_provider "aws" {
  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::123456789012:role/prod-submit-task" }
  }
  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/prod-submit-task" }
  }
}

variables {
  name               = "prod-submit-task"
  description        = "Ready tasks become steps and jobs"
  package            = "tests/packages/submit-task.zip"
  architecture       = "arm64"
  memory_mb          = 128
  timeout_s          = 60
  environment        = { MURMUR_DEPLOYMENT = "prod" }
  log_retention_days = 30
  statements = {
    TellFacts = { actions = ["sns:Publish"], resources = ["arn:aws:sns:eu-west-1:123456789012:prod-events"] }
    StopJobs = {
      actions   = ["batch:TerminateJob"]
      resources = ["arn:aws:batch:eu-west-1:123456789012:job/*"]
      condition = { StringEquals = { "aws:ResourceTag/murmur:deployment" = ["prod"] } }
    }
  }
}

run "it_may_log_and_what_it_is_given_and_no_more" {
  module {
    source = "./modules/function"
  }

  assert {
    condition = output.policy == jsonencode({
      Version = "2012-10-17"
      Statement = [
        {
          Sid      = "Log"
          Effect   = "Allow"
          Action   = ["logs:CreateLogStream", "logs:PutLogEvents"]
          Resource = ["arn:aws:logs:eu-west-1:123456789012:log-group:/aws/lambda/prod-submit-task:*"]
        },
        {
          Sid       = "StopJobs"
          Effect    = "Allow"
          Action    = ["batch:TerminateJob"]
          Resource  = ["arn:aws:batch:eu-west-1:123456789012:job/*"]
          Condition = { StringEquals = { "aws:ResourceTag/murmur:deployment" = ["prod"] } }
        },
        {
          Sid      = "TellFacts"
          Effect   = "Allow"
          Action   = ["sns:Publish"]
          Resource = ["arn:aws:sns:eu-west-1:123456789012:prod-events"]
        },
      ]
    })
    error_message = output.policy
  }

  assert {
    condition     = aws_lambda_function_recursion_config.this.recursive_loop == "Allow"
    error_message = "Lambda would stop long workflows."
  }

  assert {
    condition     = aws_cloudwatch_log_group.this.name == "/aws/lambda/prod-submit-task" && length(aws_lambda_function.this.vpc_config) == 0
    error_message = "It logs elsewhere, or is in a VPC."
  }
}

run "it_joins_a_vpc_when_given_one" {
  module {
    source = "./modules/function"
  }

  variables {
    vpc = { subnet_ids = ["subnet-1"], security_group_ids = ["sg-1"] }
  }

  assert {
    condition     = contains([for statement in jsondecode(output.policy).Statement : statement.Sid], "JoinVpc") && length(aws_lambda_function.this.vpc_config) == 1
    error_message = output.policy
  }
}
