# Reads the definitions; has no resources. What is wrong with them is for register-definitions to
# say, so nothing here fails: what cannot be understood has no schedule and no pattern.

locals {
  # As `murmur check` reads a folder: without hidden files and the JSON Schemas.
  paths = [
    for path in fileset(var.events_dir, "**") : path
    if !endswith(path, ".schema.json") && !anytrue([for part in split("/", path) : startswith(part, ".")])
  ]
  # Not a definition, and so refused with the file's name; Terraform's own error would name none.
  unreadable = "(this file is not UTF-8)"
  files      = { for path in local.paths : path => try(file("${var.events_dir}/${path}"), local.unreadable) }

  # Terraform reads YAML 1.1; `murmur check` refuses whatever that would read differently.
  read = { for path, text in local.files : path => try(yamldecode(text), null) }
  # `weather/workflows/daily.yaml` is `weather/daily`.
  named = {
    for kind in ["workflows", "clusters"] : kind => {
      for path, content in local.read :
      join("/", regex("^([a-z0-9_-]+)/${kind}/([a-z0-9_-]+)\\.yaml$", path)) => content
      if can(regex("^[a-z0-9_-]+/${kind}/[a-z0-9_-]+\\.yaml$", path))
    }
  }

  # All that is written, whether or not it can be a schedule.
  written = merge(
    { for name, content in local.named.workflows : "workflow/${name}" => try(content.schedule, null) },
    { for name, content in local.named.clusters : "provision/${name}" => try(content.provision, null) },
    { for name, content in local.named.clusters : "terminate/${name}" => try(content.terminate, null) },
  )
  schedules = {
    for key, schedule in local.written : key => {
      expression = tostring(schedule.expression)
      # The zone of schedules that name none, as the definitions have it.
      timezone = coalesce(try(tostring(schedule.timezone), null), "UTC")
      team     = split("/", key)[1]
      name     = split("/", key)[2]
    } if try(tostring(schedule.expression), null) != null
  }

  addresses = toset(flatten([
    for path, content in local.read : [
      for route in try([for route in content.alerts : route], []) : tostring(route.to)
      if try(route.channel, null) == "email" && can(regex("^.+@.+$", tostring(route.to)))
    ] if can(regex("^[a-z0-9_-]+/team\\.yaml$", path))
  ]))

  patterns = merge([
    for workflow, content in local.named.workflows : {
      for trigger, event in try(tolist(content.events), content.events[*], []) : "${workflow}/${trigger}" => {
        workflow = workflow
        trigger  = trigger
        pattern  = jsonencode(event.pattern)
      } if can(keys(event.pattern))
    }
  ]...)
}
