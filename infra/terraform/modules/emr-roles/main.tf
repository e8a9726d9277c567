# The roles EMR and its machines work with, for deployments that are given none.

locals {
  assume = {
    for name, service in { service = "elasticmapreduce.amazonaws.com", machines = "ec2.amazonaws.com" } :
    name => jsonencode({
      Version = "2012-10-17"
      Statement = [{
        Effect    = "Allow"
        Action    = "sts:AssumeRole"
        Principal = { Service = service }
      }]
    })
  }
}

data "aws_partition" "current" {}

resource "aws_iam_role" "service" {
  name               = "${var.deployment}-emr-service"
  description        = "EMR works with it on murmur's clusters"
  assume_role_policy = local.assume.service
}

# It lets EMR touch only what has the tag for-use-with-amazon-emr-managed-policies = true: murmur
# gives it to its clusters, the network must have it already.
resource "aws_iam_role_policy_attachment" "service" {
  role       = aws_iam_role.service.name
  policy_arn = "arn:${data.aws_partition.current.partition}:iam::aws:policy/service-role/AmazonEMRServicePolicy_v2"
}

# That policy lets EMR hand on the machines' role only where it has EMR's default name.
resource "aws_iam_role_policy" "service" {
  name = "machines"
  role = aws_iam_role.service.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "PassMachines"
      Effect    = "Allow"
      Action    = "iam:PassRole"
      Resource  = aws_iam_role.machines.arn
      Condition = { StringLike = { "iam:PassedToService" = "ec2.amazonaws.com*" } }
    }]
  })
}

resource "aws_iam_role" "machines" {
  name               = "${var.deployment}-emr-machines"
  description        = "The machines of murmur's clusters"
  assume_role_policy = local.assume.machines
}

resource "aws_iam_role_policy_attachment" "machines" {
  for_each = toset(var.machine_policies)

  role       = aws_iam_role.machines.name
  policy_arn = each.value
}

resource "aws_iam_role_policy" "machines" {
  count = length(var.execution_roles) > 0 ? 1 : 0

  name = "execution-roles"
  role = aws_iam_role.machines.id

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid      = "RunStepsAs"
      Effect   = "Allow"
      Action   = ["sts:AssumeRole", "sts:TagSession"]
      Resource = var.execution_roles
    }]
  })
}

resource "aws_iam_instance_profile" "machines" {
  name = aws_iam_role.machines.name
  role = aws_iam_role.machines.name
}
