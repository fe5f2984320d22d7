{{/* The part of dagster.yaml that says where runs and events are. */}}
{{- define "platform.storageYaml" -}}
storage:
  postgres:
    postgres_db:
      hostname: {{ include "platform.postgresqlHost" . }}
      port: {{ .Values.postgresql.port }}
      db_name: {{ .Values.postgresql.database }}
      username: {{ .Values.postgresql.username }}
      password:
        env: DAGSTER_PG_PASSWORD
      # SQLAlchemy's default driver for postgresql:// is another one in its newer versions.
      scheme: postgresql+psycopg2
telemetry:
  enabled: false
{{- end -}}

{{/* dagster.yaml: the one instance of all processes, those of the teams' run pods too. */}}
{{- define "platform.dagsterYaml" -}}
{{ include "platform.storageYaml" . }}
nux:
  enabled: false

# Whatever a process keeps beside the database goes where a read-only container may write.
local_artifact_storage:
  module: dagster._core.storage.root
  class: LocalArtifactStorage
  config:
    base_dir: /tmp/dagster

run_launcher:
  module: engineshed.running.launcher
  class: TenantRunLauncher
  config:
    # Namespace, account and image of a run are its code location's: the launcher takes them from discovery's file.
    locations_file: /workspace/locations.json
    dagster_home: /opt/dagster/home
    # What the provisioner keeps in every team's namespace.
    instance_config_map: engineshed-instance
    postgres_password_secret: engineshed-database
    run_k8s_config:
      job_spec_config:
        backoff_limit: 0
        ttl_seconds_after_finished: {{ .Values.runPods.ttlSecondsAfterFinished }}
      pod_spec_config:
        termination_grace_period_seconds: {{ .Values.runPods.terminationGracePeriodSeconds }}
        security_context:
          run_as_non_root: true
          run_as_user: 10001
          run_as_group: 10001
          fs_group: 10001
          seccomp_profile:
            type: RuntimeDefault
      container_config:
        resources:
          {{- toYaml .Values.runPods.resources | nindent 10 }}
        security_context:
          allow_privilege_escalation: false
          read_only_root_filesystem: true
          run_as_non_root: true
          capabilities:
            drop: [ALL]

compute_logs:
  module: dagster_aws.s3.compute_log_manager
  class: S3ComputeLogManager
  config:
    bucket: {{ required "computeLogs.bucket is empty: name the bucket where the logs of steps are kept." .Values.computeLogs.bucket }}
    prefix: {{ .Values.computeLogs.prefix }}
    {{- with .Values.objectStore.endpointUrl }}
    endpoint_url: {{ . }}
    {{- end }}
    {{- with .Values.objectStore.region }}
    region: {{ . }}
    {{- end }}
    skip_empty_files: true
    upload_interval: {{ .Values.computeLogs.uploadIntervalSeconds }}

run_coordinator:
  module: engineshed.running.queueing
  class: TeamRunCoordinator
  config:
    dequeue_interval_seconds: {{ .Values.instance.queue.dequeueIntervalSeconds }}
    dequeue_use_threads: true
    dequeue_num_workers: {{ .Values.instance.queue.dequeueWorkers }}

concurrency:
  runs:
    max_concurrent_runs: {{ .Values.instance.queue.maxConcurrentRuns }}
    tag_concurrency_limits:
      - key: dagster/code_location
        value: {applyLimitPerUniqueValue: true}
        limit: {{ .Values.instance.queue.perCodeLocation }}
      - key: team
        value: {applyLimitPerUniqueValue: true}
        limit: {{ .Values.instance.queue.perTeam }}
      {{- with .Values.instance.queue.tagConcurrencyLimits }}
      {{- toYaml . | nindent 6 }}
      {{- end }}
  pools:
    default_limit: {{ .Values.instance.pools.defaultLimit }}
    granularity: {{ .Values.instance.pools.granularity }}
    op_granularity_run_buffer: {{ .Values.instance.pools.runBuffer }}

run_monitoring:
  enabled: true
  # A resumed run would run all its steps again; a child from failure adopts what its parent launched.
  max_resume_run_attempts: 0
  start_timeout_seconds: {{ .Values.instance.monitoring.startTimeoutSeconds }}
  cancel_timeout_seconds: {{ .Values.instance.monitoring.cancelTimeoutSeconds }}
  max_runtime_seconds: {{ .Values.instance.monitoring.maxRuntimeSeconds }}
  poll_interval_seconds: {{ .Values.instance.monitoring.pollIntervalSeconds }}
  free_slots_after_run_end_seconds: {{ .Values.instance.monitoring.freeSlotsAfterRunEndSeconds }}

run_retries:
  enabled: true
  max_retries: {{ .Values.instance.retries.maxRetries }}
  retry_on_asset_or_op_failure: {{ .Values.instance.retries.onAssetOrOpFailure }}

retention:
  schedule:
    purge_after_days: {{- toYaml .Values.instance.retention.schedule | nindent 6 }}
  sensor:
    purge_after_days: {{- toYaml .Values.instance.retention.sensor | nindent 6 }}
  auto_materialize:
    purge_after_days: {{- toYaml .Values.instance.retention.autoMaterialize | nindent 6 }}

schedules:
  use_threads: true
  num_workers: 4
sensors:
  use_threads: true
  num_workers: 4
{{- end -}}

{{/* platform.yaml: the library's own settings; prices and policy as they stand in the values. */}}
{{- define "platform.platformYaml" -}}
ledger_url: {{ printf "postgresql+psycopg2://%s@%s:%v/%s" .Values.postgresql.username (include "platform.postgresqlHost" .) .Values.postgresql.port .Values.postgresql.database | quote }}
ledger_password_env: DAGSTER_PG_PASSWORD
{{- if .Values.exporter.enabled }}
exporter_url: {{ printf "http://%s-exporter.%s.svc:%v" (include "engineshed.fullname" .) .Release.Namespace .Values.exporter.port }}
exporter_token_file: /var/run/secrets/engineshed/exporter/token
{{- end }}
{{- with .Values.prices.list }}
price_list: {{ . | quote }}
price_store:
  {{- with $.Values.objectStore.endpointUrl }}
  endpoint_url: {{ . | quote }}
  {{- end }}
  region: {{ $.Values.objectStore.region | default "us-east-1" | quote }}
{{- end }}
{{- with .Values.monitoring.grafanaUrl }}
grafana_url: {{ . | quote }}
{{- end }}
{{ toYaml .Values.platform }}
{{- end -}}

{{- define "platform.postgresqlHost" -}}
{{- required "postgresql.host is empty: name the host of the PostgreSQL that keeps runs, events and the ledger." .Values.postgresql.host -}}
{{- end -}}

{{/* The Secret of the password as {name, key} in YAML. An inline password has a Secret of the release's own. */}}
{{- define "platform.databaseSecret" -}}
{{- $dev := .Values.postgresql.dev -}}
{{- if and $dev.password (not $dev.enabled) }}{{ fail "postgresql.dev.password: a password in the values is refused unless postgresql.dev.enabled is true: put it into a Secret and name that in postgresql.existingSecret." }}{{ end -}}
{{- if and $dev.enabled (not $dev.password) }}{{ fail "postgresql.dev.password is empty while postgresql.dev.enabled is true: say the password, or set postgresql.dev.enabled to false and name a Secret in postgresql.existingSecret." }}{{ end -}}
{{- if .Values.postgresql.dev.enabled -}}
{{- if .Values.production }}{{ fail "postgresql.dev.enabled: a password in the values is refused where `production` is true: put it into a Secret and name that in postgresql.existingSecret." }}{{ end -}}
name: {{ include "engineshed.fullname" . }}-postgresql
key: postgresql-password
{{- else -}}
name: {{ required "postgresql.existingSecret.name is empty: name the Secret of this namespace that holds the database's password." .Values.postgresql.existingSecret.name }}
key: {{ .Values.postgresql.existingSecret.key }}
{{- end -}}
{{- end -}}
