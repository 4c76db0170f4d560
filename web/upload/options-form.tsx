import { info } from '../api/info.ts'
import { models } from '../api/models.ts'
import { messages } from '../i18n/messages.ts'
import { LanguageOptions } from './language-options.tsx'
import { options, type UploadOptions } from './options.ts'

const QUALITIES = ['fast', 'balanced', 'best'] as const
const MAX_SPEAKERS_SHOWN = 10

const set = (changes: Partial<UploadOptions>) => {
  options.value = { ...options.value, ...changes }
}

/** The options of all following uploads. */
export function OptionsForm() {
  const t = messages.value
  const { language, speakers, keywords } = options.value
  return (
    <details class="options">
      <summary>{t.options}</summary>
      <div class="fields">
        <div class="field">
          <label for="language">{t.language}</label>
          <select
            class="input"
            id="language"
            value={language}
            onChange={({ currentTarget: { value } }) => set({ language: value })}
          >
            <option value="auto">{t.languageAuto}</option>
            <LanguageOptions />
          </select>
        </div>
        <div class="field">
          <label for="speakers">{t.speakersLabel}</label>
          <select
            class="input"
            id="speakers"
            value={speakers}
            onChange={({ currentTarget: { value } }) => set({ speakers: value })}
          >
            <option value="false">{t.speakersOff}</option>
            <option value="true">{t.speakersOn}</option>
            {Array.from({ length: MAX_SPEAKERS_SHOWN - 1 }, (_, index) => index + 2).map((count) => (
              <option key={count} value={String(count)}>
                {t.speakersCount(count)}
              </option>
            ))}
          </select>
        </div>
        <QualityField />
        <EngineField />
        <ModelField />
        <div class="field wide">
          <label for="keywords">{t.keywords}</label>
          <input
            class="input"
            id="keywords"
            value={keywords}
            maxLength={1000}
            aria-describedby="keywords-hint"
            onChange={({ currentTarget: { value } }) => set({ keywords: value })}
          />
          <span class="hint" id="keywords-hint">
            {t.keywordsHint}
          </span>
        </div>
        <p class="soft small wide">{t.optionsRemembered}</p>
      </div>
    </details>
  )
}

function QualityField() {
  const t = messages.value
  const standard = info.value?.default_quality
  return (
    <div class="field">
      <label for="quality">{t.quality}</label>
      <select
        class="input"
        id="quality"
        value={options.value.quality}
        onChange={({ currentTarget: { value } }) => set({ quality: value })}
      >
        <option value="">{standard ? t.qualityDefault(t.qualities[standard]) : '–'}</option>
        {QUALITIES.map((quality) => (
          <option key={quality} value={quality}>
            {t.qualities[quality]}
          </option>
        ))}
      </select>
    </div>
  )
}

/** Only if there is a choice, or a choice of before that the server no longer has. */
function ModelField() {
  const t = messages.value
  const { model } = options.value
  const names = models.value.map(({ id }) => id)
  if (names.length < 2 && model === '') return null
  return (
    <div class="field">
      <label for="model">{t.model}</label>
      <select
        class="input"
        id="model"
        value={model}
        onChange={({ currentTarget: { value } }) => set({ model: value })}
      >
        <option value="">{t.modelDefault}</option>
        {[...new Set([...names, ...(model ? [model] : [])])].map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </select>
    </div>
  )
}

/** Only if the server has several engines. */
function EngineField() {
  const t = messages.value
  const engines = info.value?.engines ?? []
  if (engines.length < 2) return null
  return (
    <div class="field">
      <label for="engine">{t.engine}</label>
      <select
        class="input"
        id="engine"
        value={options.value.engine}
        onChange={({ currentTarget: { value } }) => set({ engine: value })}
      >
        <option value="">{t.engineAny}</option>
        {engines.map((engine) => (
          <option key={engine} value={engine}>
            {t.engines[engine]}
          </option>
        ))}
      </select>
    </div>
  )
}
