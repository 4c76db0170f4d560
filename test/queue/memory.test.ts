import { queueContract } from '../contracts/queue.ts'
import { embedded } from '../support/databases.ts'

queueContract({ name: 'the memory, beside the embedded database', open: embedded.open })
