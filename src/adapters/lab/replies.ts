export { readReply } from '../../replies.ts';
