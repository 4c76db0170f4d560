const NAMES = new Set(
  ['PATH', 'HOME', 'USER', 'LOGNAME', 'LANG', 'LANGUAGE', 'TMPDIR', 'TZ'].concat(
    [
      'HTTP_PROXY',
      'HTTPS_PROXY',
      'ALL_PROXY',
      'NO_PROXY',
      'http_proxy',
      'https_proxy',
      'all_proxy',
      'no_proxy',
    ],
    ['REQUESTS_CA_BUNDLE', 'CURL_CA_BUNDLE', 'LD_LIBRARY_PATH', 'DYLD_LIBRARY_PATH'],
    [
      'HF_HOME',
      'HF_ENDPOINT',
      'DEVICE',
      'DEVICE_INDEX',
      'COMPUTE_TYPE',
      'ENCODER',
      'CPU_WORKERS',
      'CPU_THREADS',
      'GPU_WORKERS',
    ],
    ['MAX_BATCH_SIZE', 'MAX_CONCURRENT_REQUESTS', 'MODEL_CACHE', 'DIARIZATION', 'DIARIZATION_MODEL'],
    ['MODELS', 'MODEL_IDLE_SECONDS', 'MODEL_MEMORY_BYTES'],
  ),
)
const PREFIXES = /^(LC_|XDG_|SSL_|PIP_|PYENV_|CUDA_|NVIDIA_|OMP_|MKL_|OPENBLAS_|CT2_|HF_HUB_)/

/**
 * The environment of Python child processes: no secrets of the service, no variables that change Python's
 * paths.
 */
export function childEnvironment(env: Record<string, string | undefined>): Record<string, string> {
  const childEnv: Record<string, string> = { PYTHONUNBUFFERED: '1', PYTHONDONTWRITEBYTECODE: '1' }
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && (NAMES.has(name) || PREFIXES.test(name))) childEnv[name] = value
  }
  return childEnv
}
